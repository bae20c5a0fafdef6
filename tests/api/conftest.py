"""An app that tests share when each only needs an answer, and what an app logs."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import db
from app.factory import create_app
from app.gateways.signing.events import HmacEventVerifier
from app.gateways.storage.local import LocalStorage
from app.services.dependencies import Dependencies
from tests.callers import Caller, make_caller
from tests.conftest import make_settings
from tests.fakes.inspector import TrustingInspector
from tests.fakes.signing import FakeSigningProvider
from tests.fakes.webhooks import FakeWebhookSender, TrustingGuard


@dataclass(frozen=True)
class Desk:
    """A caller and a render of three pages, on which every text stands."""

    api: Caller
    render_id: str
    signing: FakeSigningProvider

    def create(self, **overrides: Any) -> TestResponse:
        return self.api.create(**{"renderId": self.render_id} | overrides)

    def created(self, **overrides: Any) -> dict[str, Any]:
        return self.api.created(**{"renderId": self.render_id} | overrides)


@pytest.fixture(scope="module")
def desk(database_template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with database_template.copy(folder) as url:
        signing = FakeSigningProvider()
        deps = Dependencies(
            settings=make_settings(url, folder),
            storage=LocalStorage(folder / "storage"),
            inspector=TrustingInspector(pages=3),
            signing=signing,
            provider_events=HmacEventVerifier(()),
            webhooks=FakeWebhookSender(),
            webhook_addresses=TrustingGuard(),
        )
        app = create_app(deps.settings, deps)
        api = make_caller(app)
        yield Desk(api, api.upload(b"%PDF-1.7 three pages"), signing)
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def logged(app: Flask) -> io.StringIO:
    """Everything that the app logs from now on, as it would be written."""
    stream = io.StringIO()
    structlog.configure(**structlog.get_config() | {"logger_factory": structlog.WriteLoggerFactory(stream)})
    return stream
