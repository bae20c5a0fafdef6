"""Who may call: every route below /v1 wants a project's API key, unless its blueprint is registered as public."""

import enum

from flask import Flask, g, request
from structlog.contextvars import bind_contextvars

from app.api.limits import limit_calls
from app.config import Settings
from app.domain import keys
from app.domain.errors import Unauthorized
from app.services import api_keys


class Policy(enum.Enum):
    """Who may call a blueprint's routes. Public is written, never implied."""

    API_KEY = enum.auto()
    PUBLIC = enum.auto()


def require_api_keys(app: Flask, policies: dict[str, Policy], settings: Settings) -> None:
    """Authenticate before anything else is looked at; addresses below /v1 that do not exist want a key too.

    A refusal waits until the call has been counted: who calls too often without a key hears that instead. Raises
    SettingsError.
    """

    def authenticate() -> None:
        policy = policies.get(request.blueprint or "")
        if policy is Policy.PUBLIC:
            return
        if policy is Policy.API_KEY or request.path.startswith("/v1/"):
            try:
                token = _bearer_token()
                g.project_id = api_keys.authenticate(token)
                bind_contextvars(project_id=str(g.project_id))
                g.key_prefix = keys.prefix_of(token)
            except Unauthorized as error:
                g.refusal = error

    app.before_request(authenticate)
    limit_calls(app, settings)
    app.before_request(_refuse)


def _refuse() -> None:
    if "refusal" in g:
        raise g.refusal


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    return token.strip(" ")
