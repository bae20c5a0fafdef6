"""Erasing an envelope that is over: its people and files go; what happened, and that it did, stays provable.

A line of the audit trail that names somebody loses its content and keeps its hash. So the chain still shows that
every line is where it was written, and a last line, which is in the chain like any other, says which ones were erased.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.erasure import ADDRESS, NAME
from app.domain.errors import Conflict, NotFound
from app.domain.ports import FileStorage
from app.signer import audit
from app.signer.database import Database
from app.signer.envelopes import lock_envelope
from app.signer.models import AuditEntry, Code, Envelope, EnvelopeStatus, Field, Link, Mail, OutgoingEvent, Recipient
from app.signer.page_images import page_key, texts_key


def erase(database: Database, storage: FileStorage, envelope_id: UUID) -> None:
    """Erase an envelope. One that is not here is fine; doing it again removes the files that a crash has left.

    Raises Conflict while it is open, or while something is still being done about it.
    """
    try:
        with database.unit_of_work() as session:
            envelope = lock_envelope(session, envelope_id)
            if envelope.erased_at is None:
                _require_at_rest(session, envelope)
                _erase(session, envelope, now=clock.utcnow())
    except NotFound:
        return
    for key in _files(envelope):
        storage.delete(key)


def _require_at_rest(session: Session, envelope: Envelope) -> None:
    if envelope.status is EnvelopeStatus.SENT:
        raise Conflict("The signing service can still have this signed; cancel it first.")
    still_sent = or_(_waits(Mail, envelope), _waits(OutgoingEvent, envelope))
    if envelope.next_attempt_at is not None or session.scalar(select(still_sent)):
        raise Conflict("The signing service is still sealing this or writing to people about it. Try again later.")


def _waits(model: type[Mail | OutgoingEvent], envelope: Envelope) -> ColumnElement[bool]:
    return exists(select(model.id).where(model.envelope_id == envelope.id, model.next_attempt_at.is_not(None)))


def _erase(session: Session, envelope: Envelope, *, now: datetime) -> None:
    envelope.erased_at = now
    envelope.name = NAME
    envelope.description = envelope.cancel_reason = envelope.last_error = None
    envelope.hidden_texts = []
    for recipient in envelope.recipients:
        _erase_person(recipient)
    people = [recipient.id for recipient in envelope.recipients]
    for access in (Link, Code):
        session.execute(delete(access).where(access.recipient_id.in_(people)))
    for outgoing in (Mail, OutgoingEvent):
        session.execute(delete(outgoing).where(outgoing.envelope_id == envelope.id))
    # Drawn and typed signatures, and whatever else was entered.
    session.execute(update(Field).where(Field.envelope_id == envelope.id).values(value=None))
    lines = [entry for entry in envelope.audit if _names_somebody(entry)]
    for entry in lines:
        audit.erase(entry, now=now)
    audit.record_service(
        session,
        envelope,
        audit.ERASED,
        "Erased personal data and files",
        {"lines": [entry.sequence for entry in lines]},
    )


def _erase_person(recipient: Recipient) -> None:
    recipient.first_name, recipient.last_name, recipient.email = NAME, None, ADDRESS
    recipient.contact = {}
    recipient.draft = None
    recipient.consent_text = recipient.decline_reason = None
    recipient.ip_address = recipient.user_agent = recipient.language = None


def _names_somebody(entry: AuditEntry) -> bool:
    """Tell whether a line holds a name, an address, where somebody was, or words that somebody wrote."""
    return entry.source == "signer" or entry.ip_address is not None or bool(entry.details.get("reason"))


def _files(envelope: Envelope) -> Iterator[str]:
    """Yield the keys of all files; page images of the same document are made anew where somebody else needs them."""
    yield from filter(None, (envelope.document_key, envelope.signed_key, envelope.certificate_key))
    yield from (page_key(envelope.document_sha256, page) for page in range(1, len(envelope.pages) + 1))
    yield texts_key(envelope.document_sha256)
