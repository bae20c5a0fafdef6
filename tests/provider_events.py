"""Events as the signing service sends them (provider fact sheet, sections 13.2 and 13.3)."""

import hashlib
import hmac
import json
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.domain import clock
from tests.conftest import EVENT_SECRET

HOOK = "/hooks/signing-provider"


def make_event(provider_id: str, *, kind: str = "signing_request.completed", event_id: str = "evt_1") -> dict[str, Any]:
    return {"id": event_id, "type": kind, "data": {"signing_request": {"id": provider_id}}}


def sign(body: bytes, *, secret: str = EVENT_SECRET, at: float | None = None) -> str:
    moment = int(clock.utcnow().timestamp() if at is None else at)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def signed_event(event_id: str, kind: str, provider_id: str, secret: str) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an event."""
    body = _bytes(make_event(provider_id, kind=kind, event_id=event_id))
    return body, {"X-Firma-Signature": sign(body, secret=secret), "Content-Type": "application/json"}


def deliver(app: Flask, event: dict[str, Any]) -> TestResponse:
    """Deliver an event with a genuine signature."""
    body = _bytes(event)
    return app.test_client().post(HOOK, data=body, headers={"X-Firma-Signature": sign(body)})


def _bytes(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
