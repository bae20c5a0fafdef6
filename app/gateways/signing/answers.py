"""What the signing service answers, turned into our words; nothing in it is trusted (provider fact sheet, 5-7, 11).

Unknown members and new enum values are ignored, what we need is checked. Every function raises UnreadableAnswer.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.domain import clock
from app.domain.ports import EnvelopeRecipient, EnvelopeState, EnvelopeStatus, FoundEnvelope, RecipientState
from app.gateways.signing.mapping import described_reference

#: An id goes into paths and columns, so it is never taken as it comes.
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ERROR_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DECLINE_REASON_LENGTH = 1000
_MAIL_FAILURE_LENGTH = 200
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")

_STATUS_BY_WORD = {
    "not_sent": EnvelopeStatus.DRAFT,
    "draft": EnvelopeStatus.DRAFT,
    "in_progress": EnvelopeStatus.OPEN,
    "sent": EnvelopeStatus.OPEN,
    "finished": EnvelopeStatus.FINISHED,
    "cancelled": EnvelopeStatus.CANCELLED,
    "declined": EnvelopeStatus.DECLINED,
    "expired": EnvelopeStatus.EXPIRED,
}

_VIEW_EVENTS = frozenset({"document_opened", "document_viewed"})

#: Several flags may be true at once; the first of these decides (provider fact sheet, section 18).
_FLAGS_BY_PRIORITY = ("finished", "cancelled", "declined", "expired", "sent")


class UnreadableAnswer(ValueError):
    """The answer is not what the service documents. The message holds nothing of the answer."""


def json_object(body: bytes | None) -> dict[str, Any]:
    """Return the JSON object in a body."""
    if body is None:
        raise UnreadableAnswer("The body could not be read whole.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableAnswer("The body is not JSON.") from None
    if not isinstance(value, dict):
        raise UnreadableAnswer("The body is not a JSON object.")
    return value


def error_code(body: bytes | None) -> str | None:
    """Return the machine-readable word of an error body, or None; sentences are not looked at."""
    try:
        data = json_object(body)
    except UnreadableAnswer:
        return None
    words = (data.get("code"), data.get("error"))
    return next((word for word in words if isinstance(word, str) and _ERROR_CODE.fullmatch(word)), None)


def identifier(value: object) -> str:
    """Return an id that is safe to store and to put into a path."""
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise UnreadableAnswer("An id is missing or has no sane shape.")
    return value


def moment(value: object) -> datetime | None:
    """Return a time in UTC, in whole milliseconds; both spellings (`Z` and `+00:00`) occur."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise UnreadableAnswer("A time is not text.")
    try:
        time = datetime.fromisoformat(value)
        return clock.to_milliseconds(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise UnreadableAnswer("A time is not in ISO 8601.") from None


def recipients(data: Mapping[str, Any], member: str) -> tuple[RecipientState, ...]:
    """Return the people in `data[member]`, which is a list both in `/users` and in the answer to a create."""
    return tuple(_recipient(each) for each in _objects(data, member))


def match_recipients(
    states: Sequence[RecipientState], asked: Sequence[EnvelopeRecipient]
) -> tuple[RecipientState, ...]:
    """Return one state per person we asked for, in our order and with our numbers; the service promises no order."""
    matched = tuple(replace(_match(states, recipient), order=recipient.order) for recipient in asked)
    if len({state.provider_id for state in matched}) != len(matched):
        raise UnreadableAnswer("Two people share an id.")
    return matched


def envelope_state(provider_id: str, detail: Mapping[str, Any], people: tuple[RecipientState, ...]) -> EnvelopeState:
    """Return the state from the detail of a request and its people."""
    timestamps = detail.get("timestamps")
    return EnvelopeState(
        provider_id=provider_id,
        status=_status_of_flags(detail.get("status")),
        recipients=people,
        reference=described_reference(detail.get("template_description")),
        expires_at=moment(detail.get("expires_at")),
        finished_at=moment(timestamps.get("finished_on")) if isinstance(timestamps, dict) else None,
    )


def viewers(trail: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses of the signers who opened or viewed the document, the first one first."""
    views = [
        entry
        for entry in _objects(trail, "results")
        if entry.get("source") == "signer" and entry.get("event") in _VIEW_EVENTS
    ]
    actors = (entry.get("actor") for entry in views)
    emails = (actor.get("email") for actor in actors if isinstance(actor, dict))
    return tuple(dict.fromkeys(email for email in emails if isinstance(email, str)))


def found_envelopes(page: Mapping[str, Any], description: str) -> tuple[FoundEnvelope, ...]:
    """Return the envelopes on a page of the list that carry exactly this description and are not deleted.

    A status word we do not know counts as open: the envelope exists, and reading it will tell.
    """
    return tuple(
        FoundEnvelope(
            provider_id=identifier(item.get("id")),
            status=_STATUS_BY_WORD.get(str(item.get("status")), EnvelopeStatus.OPEN),
        )
        for item in _objects(page, "results")
        if item.get("description") == description and item.get("status") != "deleted"
    )


def total_pages(page: Mapping[str, Any]) -> int:
    """Return how many pages the list has."""
    pagination = page.get("pagination")
    count = pagination.get("total_pages") if isinstance(pagination, dict) else None
    return _count(count)


def unreminded(data: Mapping[str, Any]) -> int:
    """Return how many people a reminder did not reach (section 10)."""
    return _count(data.get("recipients_failed"))


def document_link(data: Mapping[str, Any]) -> str | None:
    """Return where the finished document is, or None while there is only a partial one."""
    if data.get("status") != "finished" or data.get("is_partial"):
        return None
    return _text(data.get("download_url"))


def upload_target(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return the id for a large document and the URL that takes its bytes."""
    return identifier(data.get("document_id")), _text(data.get("upload_url"))


def certificate_link(detail: Mapping[str, Any]) -> str | None:
    """Return where the certificate of completion is, if it is there on its own."""
    link = detail.get("certificate_only_download_url")
    return None if link is None else _text(link)


def certificate_is_missing_for_good(detail: Mapping[str, Any]) -> bool:
    """Tell whether waiting for a certificate of its own is pointless: it was made, or failed, and there is none.

    An account that does not split files has only the one PDF that holds document and certificate.
    """
    certificate = detail.get("certificate")
    if not isinstance(certificate, dict) or detail.get("certificate_only_download_error"):
        return False
    return bool(certificate.get("generated") or certificate.get("has_error"))


def credits_left(data: Mapping[str, Any]) -> int:
    """Return how many envelopes the account can still send."""
    return _count(data.get("credits"))


def _match(states: Sequence[RecipientState], recipient: EnvelopeRecipient) -> RecipientState:
    """Find a person by address, and by order where that leaves a choice: two people may share an address."""
    same_email = [state for state in states if state.email.casefold() == recipient.email.casefold()]
    same_order = [state for state in same_email or states if state.order == recipient.order]
    candidates = same_order or same_email
    if len(candidates) != 1:
        raise UnreadableAnswer("The people in the answer are not those of the envelope.")
    return candidates[0]


def _recipient(data: Mapping[str, Any]) -> RecipientState:
    return RecipientState(
        provider_id=identifier(data.get("id")),
        email=_text(data.get("email")),
        order=_count(data.get("order")),
        signed_at=moment(data.get("finished_on")),
        declined_at=moment(data.get("declined_on")),
        decline_reason=_words(data.get("decline_reason"), longest=_DECLINE_REASON_LENGTH),
        mail_failures=_mail_failures(data),
    )


def _mail_failures(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return why mails to a person were given up; only the bundled service has this member, so none must not matter."""
    failures = data.get("mail_failures")
    entries = failures if isinstance(failures, list) else []
    reasons = (
        _words(entry.get("reason"), longest=_MAIL_FAILURE_LENGTH) for entry in entries if isinstance(entry, dict)
    )
    return tuple(reason for reason in reasons if reason is not None)


def _words(value: object, *, longest: int) -> str | None:
    """Return what somebody wrote as it can be stored: PostgreSQL takes no NUL, and no encoding half a character."""
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", value[:longest]) if isinstance(value, str) else None


def _status_of_flags(flags: object) -> EnvelopeStatus:
    if not isinstance(flags, dict):
        raise UnreadableAnswer("The status is not an object of flags.")
    return next((_STATUS_BY_WORD[flag] for flag in _FLAGS_BY_PRIORITY if flags.get(flag)), EnvelopeStatus.DRAFT)


def _objects(data: Mapping[str, Any], member: str) -> list[dict[str, Any]]:
    values = data.get(member)
    if not isinstance(values, list) or not all(isinstance(each, dict) for each in values):
        raise UnreadableAnswer("A list is missing or holds something else than objects.")
    return values


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UnreadableAnswer("A text is missing.")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UnreadableAnswer("A whole number is missing.")
    return value
