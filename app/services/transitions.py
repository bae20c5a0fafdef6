"""The only writer of a request's status: the change, its history and its webhooks, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.events import EVENT_BY_ACTION, Event
from app.domain.history import Cause, Mark
from app.domain.lifecycle import Action, Status, next_status
from app.models import HistoryEntry, Recipient, SignatureRequest
from app.models.columns import table_of
from app.services import deliveries
from app.services.shown import ClaimedRequest
from app.services.unit_of_work import run

log = structlog.get_logger(__name__)

#: Made once: making a statement takes longer than running it.
LAST_SEQUENCE = select(func.max(HistoryEntry.sequence)).where(HistoryEntry.request_id == bindparam("request_id"))
INSERT_ENTRY = insert(table_of(HistoryEntry))
UPDATE_CLAIMED = update(table_of(SignatureRequest)).where(SignatureRequest.id == bindparam("request_id"))

#: Nothing is recorded of a request before it is sent, or given up.
FIRST = 1

MAILS_FAILED = (
    select(func.count())
    .select_from(HistoryEntry)
    .where(HistoryEntry.recipient_id == bindparam("recipient_id"), HistoryEntry.action == Mark.MAIL_FAILED)
)


def lock(session: Session, request_id: UUID) -> SignatureRequest:
    """Load the request for changing it: nobody else changes it until the transaction ends.

    On PostgreSQL the row is locked; on SQLite the whole database is, since every unit of work begins IMMEDIATE.
    """
    return session.get_one(
        SignatureRequest, request_id, with_for_update={"of": SignatureRequest}, populate_existing=True
    )


def send(session: Session, request: ClaimedRequest, *, cause: Cause, **values: Any) -> None:
    """Move a locked request from `creating` to `sent`, and give its row these values too.

    As `apply`, but without models around the rows: every create comes through here.
    """
    request.status = Status.SENT
    run(session, UPDATE_CLAIMED, {"request_id": request.id, "status": request.status, **values})
    _enter(session, request, FIRST, action=Action.SEND, before=Status.CREATING, cause=cause)
    deliveries.queue(session, Event.SENT, request, sequence=FIRST, recipient=None, reason=None)


def apply(  # noqa: PLR0913 (what happened, and its circumstances)
    session: Session,
    request: SignatureRequest,
    action: Action,
    *,
    cause: Cause,
    reason: str | None = None,
    recipient: Recipient | None = None,
) -> bool:
    """Move a locked request along, and say whether it moved.

    What the lifecycle does not allow any more (a late or doubled event) is logged and ignored: the first terminal
    transition wins. `reason` becomes the request's `errorMessage`; `recipient` is who acted, if that is known.
    """
    before = Status(request.status)
    after = next_status(before, action)
    if after is None:
        log.info("transition ignored", signature_request_id=str(request.id), status=before, action=action, cause=cause)
        return False
    request.status = after
    if reason is not None:
        request.error_message = reason
    sequence = _record(session, request, action=action, before=before, cause=cause, recipient=recipient, reason=reason)
    deliveries.queue(session, EVENT_BY_ACTION[action], request, sequence=sequence, recipient=recipient, reason=reason)
    return True


def mark_signed(
    session: Session, request: SignatureRequest, recipient: Recipient, *, at: datetime, cause: Cause
) -> None:
    """Record, once, that a person signed; the request's status does not move."""
    if recipient.signed_at is None:
        recipient.signed_at = at
        sequence = _record(session, request, action=Mark.SIGNED, recipient=recipient, cause=cause)
        deliveries.queue(session, Event.SIGNED, request, sequence=sequence, recipient=recipient, reason=None)


def mark_declined(
    session: Session, request: SignatureRequest, recipient: Recipient, *, at: datetime, cause: Cause
) -> None:
    """Record, once, that a person declined; what follows for the request is a transition of its own."""
    if recipient.declined_at is None:
        recipient.declined_at = at
        _record(session, request, action=Mark.DECLINED, recipient=recipient, cause=cause)


def mark_reminded(session: Session, request: SignatureRequest, recipient: Recipient, *, cause: Cause) -> None:
    """Record that a person was reminded; nothing moves."""
    _record(session, request, action=Mark.REMINDED, recipient=recipient, cause=cause)


def mark_mail_failed(
    session: Session, request: SignatureRequest, recipient: Recipient, *, reasons: Sequence[str], cause: Cause
) -> None:
    """Record, once each, the mails to a person that could not be delivered; nothing moves.

    `reasons` are those of all such mails so far, the first one first: what goes beyond those on record is new.
    """
    on_record = session.scalar(MAILS_FAILED, {"recipient_id": recipient.id}) or 0
    for reason in reasons[on_record:]:
        _record(session, request, action=Mark.MAIL_FAILED, recipient=recipient, cause=cause, reason=reason)


def mark_erased(session: Session, request: SignatureRequest, *, cause: Cause) -> None:
    """Record that the request's personal data and files were erased; nothing moves."""
    _record(session, request, action=Mark.ERASED, cause=cause)


def _record(  # noqa: PLR0913 (the columns of the row)
    session: Session,
    request: SignatureRequest,
    *,
    action: str,
    cause: Cause,
    before: Status | None = None,
    recipient: Recipient | None = None,
    reason: str | None = None,
) -> int:
    """Write the next entry and return its number."""
    sequence = (session.scalar(LAST_SEQUENCE, {"request_id": request.id}) or 0) + FIRST
    _enter(
        session,
        request,
        sequence,
        action=action,
        before=before or request.status,
        cause=cause,
        recipient=recipient,
        reason=reason,
    )
    return sequence


def _enter(  # noqa: PLR0913 (the columns of the row)
    session: Session,
    request: SignatureRequest | ClaimedRequest,
    sequence: int,
    *,
    action: str,
    before: str,
    cause: Cause,
    recipient: Recipient | None = None,
    reason: str | None = None,
) -> None:
    run(
        session,
        INSERT_ENTRY,
        {
            "request_id": request.id,
            "sequence": sequence,
            "at": clock.utcnow(),
            "action": action,
            "from_status": before,
            "to_status": request.status,
            "cause": cause,
            "recipient_id": recipient.id if recipient else None,
            "reason": reason,
        },
    )
