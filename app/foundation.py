"""What the API, the worker and the commands stand on: the database and the outside world, bound to a Flask app.

The only code that knows every gateway. What the API is made of besides is in `factory.py`: the worker serves no HTTP,
and need not keep that in memory.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.api.deps import EXTENSION
from app.config import Settings, SettingsError, load_settings
from app.extensions import (
    absolute_database_url,
    configure_engine,
    db,
    engine_options,
)
from app.gateways.signing.client import SigningClient
from app.gateways.signing.events import HmacEventVerifier
from app.gateways.storage.factory import open_storage
from app.gateways.webhooks.guard import PublicAddressGuard
from app.gateways.webhooks.sender import HttpWebhookSender
from app.logs import configure_logging
from app.pdf.inspector import SandboxedPdfInspector
from app.pdf.sandbox import Sandbox
from app.services.dependencies import Dependencies

#: Of one process. Fewer than its threads: who waits for the signing service holds no connection.
CONNECTIONS = 20


class Countersign(Flask):
    """An app whose views and hooks are plain functions, all of them."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: Flask would look for coroutines among all of them at every request."""
        return func


def create_foundation(settings: Settings | None = None, dependencies: Dependencies | None = None) -> Flask:
    """Build an app without routes. Without settings they are read from the environment; raises SettingsError.

    `dependencies` replaces the outside world, for tests.
    """
    settings = settings or load_settings()
    configure_logging(level=settings.log_level, log_format=settings.log_format)
    app = Countersign("countersign", static_folder=None)
    app.debug = False  # Whatever FLASK_DEBUG says: its pages show source and settings.
    _bind_database(app, settings)
    app.extensions[EXTENSION] = dependencies or build_dependencies(settings)
    return app


def build_dependencies(settings: Settings) -> Dependencies:
    """Build the outside world; raises SettingsError for a value that only its user can judge."""
    try:
        storage = open_storage(settings.storage_url, s3_endpoint_url=settings.s3_endpoint_url)
    except ValueError as error:
        raise SettingsError(f"STORAGE_URL: {error}") from error
    guard = _build_guard(settings)
    return Dependencies(
        settings=settings,
        storage=storage,
        inspector=SandboxedPdfInspector(Sandbox()),
        signing=_build_signing(settings),
        provider_events=HmacEventVerifier(settings.signing_provider_webhook_secrets),
        webhooks=HttpWebhookSender(guard=guard, timeout_seconds=settings.webhook_timeout),
        webhook_addresses=guard,
    )


def _build_guard(settings: Settings) -> PublicAddressGuard:
    try:
        return PublicAddressGuard(
            allow_insecure=settings.webhook_allow_insecure, allowed_networks=settings.webhook_allowed_cidrs
        )
    except ValueError as error:
        raise SettingsError(f"WEBHOOK_ALLOWED_CIDRS: {error}") from error


def _build_signing(settings: Settings) -> SigningClient | None:
    if settings.signing_provider_url is None or settings.signing_provider_api_key is None:
        return None
    try:
        return SigningClient(
            base_url=settings.signing_provider_url,
            api_key=settings.signing_provider_api_key,
            connect_timeout=settings.provider_connect_timeout,
            read_timeout=settings.provider_read_timeout,
            create_timeout=settings.provider_create_timeout,
        )
    except ValueError as error:
        raise SettingsError(f"SIGNING_PROVIDER_URL or SIGNING_PROVIDER_API_KEY: {error}") from error


def _bind_database(app: Flask, settings: Settings) -> None:
    url = absolute_database_url(settings.database_url)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, pool_size=CONNECTIONS)
    db.init_app(app)
    with app.app_context():
        configure_engine(db.engine)
