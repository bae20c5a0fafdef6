"""What every test can ask for: a migrated database, the app around a fake signing service, callers with keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from flask import Flask

from app.config import Settings
from app.extensions import db
from app.factory import create_app
from app.gateways.signing.events import HmacEventVerifier
from app.gateways.storage.local import LocalStorage
from app.pdf.inspector import SandboxedPdfInspector
from app.pdf.sandbox import Sandbox
from app.services.dependencies import Dependencies
from tests import databases
from tests.callers import Caller, make_caller
from tests.described import DescribedClient
from tests.fakes.clock import FakeClock
from tests.fakes.signing import FakeSigningProvider
from tests.fakes.webhooks import FakeWebhookSender, TrustingGuard

EVENT_SECRET = "a-secret-of-the-provider-0123456789"


@pytest.fixture(scope="session")
def database_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    template = databases.template(tmp_path_factory.mktemp("database"))
    yield template
    template.drop()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def signing() -> FakeSigningProvider:
    return FakeSigningProvider()


@pytest.fixture
def webhooks() -> FakeWebhookSender:
    return FakeWebhookSender()


def make_settings(database_url: str, folder: Path) -> Settings:
    """Build the settings of an installation in a folder, with a signing service."""
    return Settings(
        database_url=database_url,
        storage_url=f"file:{folder / 'storage'}",
        public_url="https://sign.test",
        signing_provider_url="https://provider.invalid/signing-request-api",
        signing_provider_api_key="provider-key-0123456789",
        signing_provider_webhook_secrets=(EVENT_SECRET,),
        rate_limit_failed_auth="1000000 per minute",
        log_level="error",
    )


@pytest.fixture
def settings(database_template, tmp_path: Path) -> Iterator[Settings]:
    with database_template.copy(tmp_path) as url:
        yield make_settings(url, tmp_path)


@pytest.fixture
def deps(
    settings: Settings,
    signing: FakeSigningProvider,
    webhooks: FakeWebhookSender,
    sandbox: Sandbox,
    tmp_path: Path,
) -> Dependencies:
    return Dependencies(
        settings=settings,
        storage=LocalStorage(tmp_path / "storage"),
        inspector=SandboxedPdfInspector(sandbox),
        signing=signing,
        provider_events=HmacEventVerifier(settings.signing_provider_webhook_secrets),
        webhooks=webhooks,
        webhook_addresses=TrustingGuard(),
    )


@pytest.fixture
def app(settings: Settings, deps: Dependencies) -> Iterator[Flask]:
    app = create_app(settings, deps)
    app.testing = False  # An unforeseen error is answered as it is in production.
    app.test_client_class = DescribedClient
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def api(app: Flask) -> Caller:
    """A caller with a key of a project of its own."""
    return make_caller(app)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[object]:
    """A real S3 over HTTP; imported here, because only some tests need it and it takes a moment."""
    from tests.fakes.s3_server import S3Server

    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: object, monkeypatch: pytest.MonkeyPatch) -> object:
    """An empty bucket there, and credentials for it."""
    from tests.fakes.s3_server import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return s3_server.new_bucket()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Time that only the test moves."""
    return FakeClock().install(monkeypatch)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Undo what a test's app made of this process's log, its level above all: tests run in any order."""
    yield
    structlog.reset_defaults()
