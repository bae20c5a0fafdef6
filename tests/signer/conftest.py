"""What the tests of the signing service can ask for."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.pdf.sandbox import Sandbox
from app.signer.languages import Language, speaking
from tests import databases
from tests.fakes.clock import FakeClock
from tests.signer.pair import paired
from tests.signer.service import Service, make_service


@pytest.fixture(scope="session")
def signer_template(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[object]:
    """A database to copy as the first start has left it: with tables and keys, which take longer than most tests."""
    folder = tmp_path_factory.mktemp("signer")

    def start_first(url: str) -> None:
        make_service(folder, sandbox, database_url=url).parts.database.engine.dispose()

    template = databases.template(folder, migrate=start_first)
    yield template
    template.drop()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Let no test's visitor leave their language to the next test; in the service each request chooses its own."""
    with speaking(Language.ENGLISH):
        yield


@pytest.fixture
def start_service(
    tmp_path: Path, signer_template: object, sandbox: Sandbox, time: FakeClock
) -> Iterator[Callable[..., Service]]:
    """Start the service with settings of the test; time only moves when it is told to."""
    started: list[Service] = []
    with signer_template.copy(tmp_path) as url:

        def start(**overrides: Any) -> Service:
            started.append(make_service(tmp_path, sandbox, **({"database_url": url} | overrides)))
            return started[-1]

        yield start
        for service in started:
            service.parts.database.engine.dispose()


@pytest.fixture
def start_pair(
    app: Flask, tmp_path: Path, signer_template: object, sandbox: Sandbox, time: FakeClock
) -> Iterator[Callable[..., Service]]:
    """Give the API a signing service with settings of the test, over real HTTP in both directions."""
    folder = tmp_path / "signer"
    folder.mkdir()
    with ExitStack() as opened:
        url = opened.enter_context(signer_template.copy(folder))
        yield lambda **settings: opened.enter_context(paired(app, folder, sandbox, database_url=url, **settings))


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    return start_service()
