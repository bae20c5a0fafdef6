"""Who may call: every route below /v1 wants a project's API key, unless its blueprint is registered as public."""

import enum

from flask import Flask, g, request

from app.domain.errors import Unauthorized
from app.services import api_keys


class Policy(enum.Enum):
    """Who may call a blueprint's routes. Public is written, never implied."""

    API_KEY = enum.auto()
    PUBLIC = enum.auto()


def require_api_keys(app: Flask, policies: dict[str, Policy]) -> None:
    """Authenticate before anything else is looked at; addresses below /v1 that do not exist want a key too."""

    def authenticate() -> None:
        policy = policies.get(request.blueprint or "")
        if policy is Policy.PUBLIC:
            return
        if policy is Policy.API_KEY or request.path.startswith("/v1/"):
            g.project_id = api_keys.authenticate(_bearer_token())

    app.before_request(authenticate)


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("The API key is missing or not valid.")
    return token.strip(" ")
