"""What a view can ask for: the dependencies of the app, the caller's project, the caller's idempotency key."""

import re
from typing import cast
from uuid import UUID

from flask import current_app, g, request

from app.domain.errors import InvalidRequest
from app.services.dependencies import Dependencies

EXTENSION = "countersign"

#: 1 to 255 visible ASCII characters (contract section 3).
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def dependencies() -> Dependencies:
    """Return what the composition root built."""
    return cast("Dependencies", current_app.extensions[EXTENSION])


def public_url(path: str) -> str:
    """Return the absolute address of a path of this API, as callers reach it."""
    return dependencies().settings.public_url + path


def current_project() -> UUID:
    """Return the project of the key that this request came with."""
    return cast("UUID", g.project_id)


def idempotency_key() -> str | None:
    """Return the caller's Idempotency-Key; raise InvalidRequest when it has the wrong shape."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest(field_errors={"Idempotency-Key": ["Must be 1 to 255 visible ASCII characters."]})
    return key
