"""Who an event from the signing service comes from, and the little we read of it (provider fact sheet, section 13)."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.domain import clock
from app.domain.errors import InvalidProviderEvent
from app.domain.ports import ProviderEventNotice
from app.gateways.signing.answers import IDENTIFIER

_SIGNATURE_HEADERS = ("x-firma-signature", "x-firma-signature-old")
#: How far the signed time may be from ours, in seconds, either way (contract section 6).
_TOLERANCE_SECONDS = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}")

_EVENT_ID = re.compile(r"[!-~]{1,200}")
_EVENT_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_UNKNOWN_TYPE = "unknown"


class HmacEventVerifier:
    """`ProviderEventVerifier` for events that carry `t=<unix seconds>,v1=<hex>` over `t.body`."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Accept events signed with any of these; several while one is being rotated, none to refuse every event."""
        self._keys = tuple(secret.encode() for secret in secrets if secret)

    def verify(self, body: bytes, headers: Mapping[str, str]) -> ProviderEventNotice:
        """Return the event behind these exact bytes; raise InvalidProviderEvent unless it is genuine and fresh."""
        given = {name.lower(): value for name, value in headers.items()}
        signatures = [given[name] for name in _SIGNATURE_HEADERS if name in given]
        if not any(self._is_genuine(signature, body) for signature in signatures):
            raise InvalidProviderEvent("The event's signature is missing, wrong or too old.")
        return _notice(body)

    def _is_genuine(self, signature: str, body: bytes) -> bool:
        timestamp, candidates = _parse(signature)
        if timestamp is None or abs(clock.utcnow().timestamp() - int(timestamp)) > _TOLERANCE_SECONDS:
            return False
        message = timestamp.encode() + b"." + body
        expected = [hmac.new(key, message, hashlib.sha256).hexdigest().encode() for key in self._keys]
        return _any_equal(expected, candidates)


def _parse(signature: str) -> tuple[str | None, list[bytes]]:
    """Return the time and the candidate digests of a header, as bytes: comparing text fails beyond ASCII."""
    pairs = [part.strip().partition("=") for part in signature.split(",")]
    times = [value for name, _, value in pairs if name == "t" and _TIMESTAMP.fullmatch(value)]
    digests = [value.encode("utf-8", "replace") for name, _, value in pairs if name == "v1"]
    return (times[0] if len(times) == 1 else None), digests


def _any_equal(expected: Iterable[bytes], candidates: Sequence[bytes]) -> bool:
    """Compare each with each, always all of them, in constant time."""
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in candidates]
    return any(matches)


def _notice(body: bytes) -> ProviderEventNotice:
    """Read the three things we need; both body shapes the service has used are understood (section 13.2)."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidProviderEvent("The event is not JSON.") from None
    if not isinstance(event, dict):
        raise InvalidProviderEvent("The event is not a JSON object.")
    data = _member(event, "data")
    return ProviderEventNotice(
        event_id=_first(_EVENT_ID, event.get("id"), event.get("event_id"))
        or f"sha256:{hashlib.sha256(body).hexdigest()}",
        type=_first(_EVENT_TYPE, event.get("type"), event.get("event_type")) or _UNKNOWN_TYPE,
        provider_id=_first(IDENTIFIER, _member(data, "signing_request").get("id"), data.get("signing_request_id")),
    )


def _member(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _first(shape: re.Pattern[str], *values: object) -> str | None:
    """Return the first value that is text of a shape we can store."""
    return next((value for value in values if isinstance(value, str) and shape.fullmatch(value)), None)
