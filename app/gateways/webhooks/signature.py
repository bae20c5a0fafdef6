"""The headers of a delivery and its two signatures (contract section 5; Standard Webhooks 1.0.0)."""

import base64
import hmac

from app.domain.ports import WebhookRequest
from app.domain.webhook_secrets import random_part

_USER_AGENT = "Craftkit-Webhook/1.0"
#: The newest secret signs the first; while it is being rotated the previous one signs the second.
#: Two headers and no list, so that whoever compares a whole header with one digest goes on being right.
_CRAFTKIT_SIGNATURES = ("x-craftkit-signature", "x-craftkit-signature-old")


def craftkit_signature(secret: str, body: bytes) -> str:
    """Return the hex HMAC-SHA256 of the body, keyed with the whole text of the secret."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def standard_signature(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, keyed with the random part of the secret.

    `timestamp` is Unix seconds. Raises ValueError when the secret is not of the `whsec_` kind.
    """
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(random_part(secret), signed, "sha256")).decode()


def headers(request: WebhookRequest) -> dict[str, str]:
    """Return all headers of one attempt; raise ValueError when it has no secret, or more than two."""
    if not 1 <= len(request.secrets) <= len(_CRAFTKIT_SIGNATURES):
        raise ValueError("A delivery is signed with one secret, or with two while it is being rotated.")
    delivery_id = str(request.delivery_id)
    timestamp = int(request.sent_at.timestamp())
    craftkit = [craftkit_signature(secret, request.body) for secret in request.secrets]
    standard = [standard_signature(secret, delivery_id, timestamp, request.body) for secret in request.secrets]
    return {
        "content-type": "application/json",
        "user-agent": _USER_AGENT,
        "x-craftkit-event": request.event,
        "x-craftkit-delivery-id": delivery_id,
        "x-craftkit-timestamp": str(timestamp),
        **dict(zip(_CRAFTKIT_SIGNATURES, craftkit, strict=False)),
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(standard),
    }
