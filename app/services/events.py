"""What an event says: flat JSON, made once, in the transaction of what it reports (contract section 5)."""

import json
from typing import Any

from app.domain.clock import format_timestamp
from app.domain.erasure import ADDRESS, NAME
from app.domain.events import TEST_EVENT, Event, serialise
from app.models import Recipient, SignatureRequest
from app.services.shown import ClaimedRequest, ShownRecipient

NAMES_A_PERSON = frozenset({Event.VIEWED, Event.SIGNED, Event.DECLINED})
GIVES_A_REASON = frozenset({Event.DECLINED, Event.CANCELLED, Event.EXPIRED, Event.FAILED})


def describe(
    event: Event, request: SignatureRequest | ClaimedRequest, *, recipient: Recipient | None, reason: str | None
) -> bytes:
    """Return the body of an event; `status` is what the request has after it."""
    members: dict[str, Any] = {
        "event": event,
        "signatureRequestId": str(request.id),
        "renderId": str(request.render_id),
        "status": request.status,
    }
    if event is Event.SENT:
        members["name"] = request.name
        members["recipients"] = [_person(each) for each in request.recipients]
    if event in NAMES_A_PERSON:
        members["recipient"] = None if recipient is None else _person(recipient)
    if event in GIVES_A_REASON:
        members["reason"] = reason
    return serialise(members)


def without_people(body: bytes) -> bytes:
    """Return a body of the same shape that names nobody and gives no reason."""
    members = json.loads(body)
    if "name" in members:
        members["name"] = NAME
    if "recipients" in members:
        members["recipients"] = [_nobody(person) for person in members["recipients"]]
    if members.get("recipient") is not None:
        members["recipient"] = _nobody(members["recipient"])
    if "reason" in members:
        members["reason"] = None
    return serialise(members)


def describe_test() -> bytes:
    """Return the body of a test delivery, which is about no request."""
    return serialise({"event": TEST_EVENT, "signatureRequestId": None, "renderId": None})


def _person(recipient: Recipient | ShownRecipient) -> dict[str, Any]:
    """Return a person as in the request itself (contract section 2)."""
    person = {
        "id": recipient.provider_id,
        "firstName": recipient.first_name,
        "lastName": recipient.last_name,
        "email": recipient.email,
        "designation": recipient.designation,
        "order": recipient.order,
        "signedAt": recipient.signed_at and format_timestamp(recipient.signed_at),
        "declinedAt": recipient.declined_at and format_timestamp(recipient.declined_at),
    }
    return {name: value for name, value in person.items() if value is not None or name == "id"}


def _nobody(person: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in person.items() if name != "lastName"}
    return kept | {"firstName": NAME, "email": ADDRESS}
