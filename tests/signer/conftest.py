"""What the tests of the signing service can ask for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.pdf.sandbox import Sandbox
from tests.fakes.clock import FakeClock
from tests.signer.service import Service, make_service


@pytest.fixture
def start_service(tmp_path: Path, sandbox: Sandbox, time: FakeClock) -> Iterator[Callable[..., Service]]:
    """Start the service with settings of the test; time only moves when it is told to."""
    started: list[Service] = []

    def start(**overrides: Any) -> Service:
        started.append(make_service(tmp_path, sandbox, **overrides))
        return started[-1]

    yield start
    for service in started:
        service.parts.database.engine.dispose()


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    return start_service()
