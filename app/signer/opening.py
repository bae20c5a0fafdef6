"""The moment in which a person first sees the document."""

from sqlalchemy.orm import Session

from app.domain import clock
from app.signer import audit
from app.signer.ceremony_view import Client
from app.signer.events import EventOutbox, EventType
from app.signer.models import Recipient


def record_opening(session: Session, recipient: Recipient, *, client: Client, events: EventOutbox) -> None:
    """Write down that the document was opened; only the first time counts (provider fact sheet, section 13.1)."""
    if recipient.viewed_at is not None:
        return
    recipient.viewed_at = recipient.envelope.updated_at = clock.utcnow()
    recipient.language = client.language
    audit.record_signer(session, recipient, "document_opened", "Opened the document", client=client)
    events.add(session, recipient.envelope, EventType.VIEWED)
