"""The composition root of the API: its routes, on the foundation that the worker and the commands stand on too."""

from flask import Flask

from app.api import health, metrics, provider_events, renders, signatures, webhooks
from app.api.auth import Policy, require_api_keys
from app.api.errors import register_error_handlers
from app.api.openapi.pages import register_description
from app.api.parsing import LARGEST_JSON
from app.config import Settings, load_settings
from app.domain import turns
from app.extensions import is_sqlite
from app.foundation import create_foundation
from app.metrics import count_request
from app.proxies import TrustedProxies
from app.request_log import observe
from app.security_headers import add_security_headers
from app.services.dependencies import Dependencies

#: Blueprint, prefix, who may call.
BLUEPRINTS = (
    (signatures.blueprint, "/v1/signatures", Policy.API_KEY),
    (renders.blueprint, "/v1/renders", Policy.API_KEY),
    (webhooks.blueprint, "/v1/webhooks", Policy.API_KEY),
    (health.blueprint, "/v1", Policy.PUBLIC),
    (provider_events.blueprint, "/hooks", Policy.PUBLIC),
)


def create_app(settings: Settings | None = None, dependencies: Dependencies | None = None) -> Flask:
    """Build the API. Without settings they are read from the environment; raises SettingsError when one is wrong.

    `dependencies` replaces the outside world, for tests.
    """
    settings = settings or load_settings()
    app = create_foundation(settings, dependencies)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False  # An address has one form; another one is not found, and never a redirect.
    _register_api(app, settings)
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    if is_sqlite(settings.database_url):
        app.wsgi_app = turns.by_turns(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _register_api(app: Flask, settings: Settings) -> None:
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_JSON  # A route that takes more says so.
    observe(app, count=count_request)
    policies = {blueprint.name: policy for blueprint, _, policy in BLUEPRINTS}
    require_api_keys(app, policies, settings)
    for blueprint, prefix, _ in BLUEPRINTS:
        app.register_blueprint(blueprint, url_prefix=prefix)
    app.register_blueprint(metrics.blueprint)
    register_description(app, BLUEPRINTS)
    register_error_handlers(app)
    add_security_headers(app, public_url=settings.public_url)
