"""What we send to the projects' servers: OpenAPI's `webhooks` (contract section 5)."""

from typing import Any

from app.api.openapi.examples import RECIPIENT, RENDER_ID, REQUEST_ID
from app.api.openapi.refusals import JSON
from app.domain.events import EVENT_BY_ACTION, TEST_EVENT, Event
from app.domain.lifecycle import TRANSITIONS, Status
from app.services.events import GIVES_A_REASON, NAMES_A_PERSON

IDENTIFIER = {"type": "string", "format": "uuid"}
TEXT = {"type": "string"}
UNIX_SECONDS = {"type": "string", "pattern": "^[0-9]+$"}
HEX_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}

#: Name, whether it is always there, meaning, schema.
HEADERS: tuple[tuple[str, bool, str, dict[str, Any]], ...] = (
    ("webhook-id", True, "The delivery's id, the same on every attempt (Standard Webhooks).", IDENTIFIER),
    ("webhook-timestamp", True, "Unix seconds of this attempt.", UNIX_SECONDS),
    (
        "webhook-signature",
        True,
        "`v1,` and a base64 HMAC-SHA256, as Standard Webhooks says; two of them while the secret is being rotated.",
        TEXT,
    ),
    ("x-craftkit-event", True, "The event's name.", TEXT),
    ("x-craftkit-delivery-id", True, "As `webhook-id`.", IDENTIFIER),
    ("x-craftkit-timestamp", True, "As `webhook-timestamp`.", UNIX_SECONDS),
    ("x-craftkit-signature", True, "The hex HMAC-SHA256 of the body, keyed with the whole secret.", HEX_DIGEST),
    ("x-craftkit-signature-old", False, "The same with the secret before, while it is being rotated.", HEX_DIGEST),
)

MEANINGS = {
    Event.SENT: "A request was sent out",
    Event.VIEWED: "A recipient opened the document for the first time",
    Event.SIGNED: "One person signed",
    Event.COMPLETED: "Everybody has signed, and the signed PDF can be downloaded",
    Event.DECLINED: "A recipient declined",
    Event.EXPIRED: "The window passed",
    Event.CANCELLED: "The request was cancelled",
    Event.FAILED: "Processing failed; nobody can sign any more",
}


def describe() -> dict[str, Any]:
    """Return every event as an operation of the receiver."""
    events = {event.value: _operation(event.value, MEANINGS[event], _body(event), _example(event)) for event in Event}
    nothing = {"type": "null"}
    test = _members(TEST_EVENT, signatureRequestId=nothing, renderId=nothing)
    example = {"event": TEST_EVENT, "signatureRequestId": None, "renderId": None}
    return events | {TEST_EVENT: _operation(TEST_EVENT, "A test that was asked for", test, example)}


def _operation(event: str, meaning: str, body: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    answers = {
        "2XX": {"description": "Received, within 15 seconds."},
        "410": {"description": "Nothing more is wanted: the webhook is switched off."},
        "default": {"description": "Tried again later; `Retry-After` is honoured up to a day."},
    }
    return {
        "post": {
            "operationId": "on" + "".join(word.capitalize() for word in event.split(".")),
            "summary": meaning,
            "tags": ["events"],
            "security": [],
            "parameters": [
                {"in": "header", "name": name, "required": always, "description": description, "schema": schema}
                for name, always, description, schema in HEADERS
            ],
            "requestBody": {"required": True, "content": {JSON: {"schema": body, "example": example}}},
            "responses": answers,
        }
    }


def _body(event: Event) -> dict[str, Any]:
    members: dict[str, Any] = {"status": {"enum": _statuses_after(event)}}
    person = {"$ref": "#/components/schemas/Recipient"}
    if event is Event.SENT:
        members["name"] = TEXT
        members["recipients"] = {"type": "array", "items": person, "minItems": 1}
    if event in NAMES_A_PERSON:
        members["recipient"] = {"anyOf": [person, {"type": "null"}], "description": "Who acted, where that is known."}
    if event in GIVES_A_REASON:
        members["reason"] = {"type": ["string", "null"]}
    return _members(event.value, signatureRequestId=IDENTIFIER, renderId=IDENTIFIER, **members)


def _members(event: str, **members: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["event", *members],
        "properties": {"event": {"const": event}, **members},
    }


def _statuses_after(event: Event) -> list[str]:
    """Return the statuses a request can have after the event; a signature of one person moves none."""
    if event is Event.SIGNED:
        return [Status.SENT.value, Status.VIEWED.value]
    moved = {end.value for (_, action), end in TRANSITIONS.items() if EVENT_BY_ACTION[action] is event}
    return sorted(moved)


def _example(event: Event) -> dict[str, Any]:
    example: dict[str, Any] = {
        "event": event.value,
        "signatureRequestId": REQUEST_ID,
        "renderId": RENDER_ID,
        "status": _statuses_after(event)[0],
    }
    if event is Event.SENT:
        example |= {"name": "Charter handover — BK-12345", "recipients": [RECIPIENT]}
    if event in NAMES_A_PERSON:
        example["recipient"] = RECIPIENT
    if event in GIVES_A_REASON:
        example["reason"] = "Customer changed the terms" if event is Event.CANCELLED else None
    return example
