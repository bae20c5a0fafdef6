"""Events as the provider signs them (provider fact sheet, section 13)."""

import hashlib
import hmac
import json

from app.domain import clock


def signed_event(event_id: str, kind: str, provider_id: str, secret: str) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an event."""
    body = json.dumps({"id": event_id, "type": kind, "data": {"signing_request": {"id": provider_id}}}).encode()
    timestamp = int(clock.utcnow().timestamp())
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {"X-Firma-Signature": f"t={timestamp},v1={digest}", "Content-Type": "application/json"}
