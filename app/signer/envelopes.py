"""What the API can do with envelopes: create and send, read, cancel; and what time does to them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain import clock, ids
from app.domain.errors import Conflict, NotFound, UnreadablePdf
from app.domain.ports import FileStorage, PdfReport
from app.pdf.inspector import SandboxedPdfInspector
from app.pdf.sandbox import Sandbox, SandboxBug
from app.signer import audit
from app.signer.anchors import PlacedAnchors, place_anchors
from app.signer.database import Database
from app.signer.events import EventOutbox, EventType
from app.signer.intake import InvalidEnvelope, NewEnvelope, NewField
from app.signer.letters import Letters
from app.signer.models import AuditEntry, Envelope, EnvelopeStatus, Field, Recipient
from app.signer.signing_order import whose_turn
from app.signer.uploads import Uploads, use_upload

CANNOT_PROCESS = "document: This service cannot process the PDF; printing it into a new PDF may help."


@dataclass(frozen=True, kw_only=True)
class SentEnvelope:
    """A fresh envelope, and the link of the first person who was asked: it is shown this once."""

    envelope: Envelope
    first_signer: Recipient
    first_link: str


@dataclass(frozen=True, kw_only=True)
class CancelledEnvelope:
    """What a cancel did."""

    cancelled_at: datetime
    mails: int


@dataclass(frozen=True, kw_only=True)
class Envelopes:
    """The use cases of the API's side."""

    database: Database
    storage: FileStorage
    sandbox: Sandbox
    inspector: SandboxedPdfInspector
    uploads: Uploads
    events: EventOutbox
    letters: Letters
    #: Tells the background jobs of this process that there is work.
    wake: Callable[[], None]

    def create_and_send(self, new: NewEnvelope, *, ip_address: str | None) -> SentEnvelope:
        """Store the envelope, queue the mail to whoever acts first and the events, all or nothing.

        Raises InvalidEnvelope, for what only the document can tell too, and NotFound or Conflict for its upload.
        """
        document = self._document(new)
        try:
            report = self.inspector.inspect(document)
            _check_pages(new, report)
            anchored = place_anchors(self.sandbox, document, new.anchors, report.pages)
            envelope = _build(new, document, report, anchored)
            self.sandbox.call(
                "app.signer.rehearsal:rehearse",
                content=document,
                places=[field.place for field in envelope.fields],
                hide=envelope.hidden_texts,
            )
        except UnreadablePdf as error:
            raise InvalidEnvelope([f"document: {error.message}"]) from error
        except SandboxBug as error:
            # It would meet the same bug when everybody has signed.
            raise InvalidEnvelope([CANNOT_PROCESS]) from error
        self.storage.save(envelope.document_key, document)
        with self.database.unit_of_work() as session:
            if new.document_id is not None:
                use_upload(session, new.document_id)
            session.add(envelope)
            # Mails and events are tied to it by foreign keys that the mapper does not know of.
            session.flush()
            audit.record_api(
                session,
                envelope,
                "Created and sent the signing request",
                ip_address=ip_address,
                details={"document_sha256": envelope.document_sha256},
            )
            self.events.add(session, envelope, EventType.CREATED)
            first_signers = whose_turn(envelope)
            links = [self.letters.invite(session, recipient) for recipient in first_signers]
            self.events.add(session, envelope, EventType.SENT)
        self.wake()
        return SentEnvelope(envelope=envelope, first_signer=first_signers[0], first_link=links[0])

    def get(self, envelope_id: UUID) -> Envelope:
        """Return the envelope with its people and fields; raise NotFound."""
        with self.database.reading() as session:
            envelope = session.scalar(
                select(Envelope)
                .where(Envelope.id == envelope_id)
                .options(selectinload(Envelope.recipients), selectinload(Envelope.fields))
            )
        if envelope is None:
            raise NotFound("There is no such signing request.")
        return envelope

    def audit_trail(self, envelope_id: UUID) -> list[AuditEntry]:
        """Return what happened, in order; raise NotFound."""
        self.get(envelope_id)
        with self.database.reading() as session:
            entries = select(AuditEntry).where(AuditEntry.envelope_id == envelope_id).order_by(AuditEntry.sequence)
            return list(session.scalars(entries))

    def mail_failures(self, envelope_id: UUID) -> list[AuditEntry]:
        """Return the trail's lines of mails that could not be delivered, in order: a list that only grows."""
        failed = select(AuditEntry).filter_by(envelope_id=envelope_id, event=audit.MAIL_FAILED)
        with self.database.reading() as session:
            return list(session.scalars(failed.order_by(AuditEntry.sequence)))

    def cancel(
        self, envelope_id: UUID, *, reason: str | None, notify: bool, ip_address: str | None
    ) -> CancelledEnvelope:
        """End an open envelope for good; raises NotFound, and Conflict when it is over already (section 9)."""
        with self.database.unit_of_work() as session:
            envelope = lock_envelope(session, envelope_id)
            if envelope.status is not EnvelopeStatus.SENT:
                raise Conflict(f"The signing request is {envelope.status} and cannot be cancelled.")
            now = clock.utcnow()
            envelope.status, envelope.cancelled_at, envelope.cancel_reason = EnvelopeStatus.CANCELLED, now, reason
            envelope.forget_drafts()
            envelope.updated_at = now
            audit.record_api(
                session, envelope, "Cancelled the signing request", ip_address=ip_address, details={"reason": reason}
            )
            self.events.add(session, envelope, EventType.CANCELLED)
            mails = self.letters.tell_cancelled(session, envelope) if notify else 0
        self.wake()
        return CancelledEnvelope(cancelled_at=now, mails=mails)

    def expire_due(self, limit: int) -> int:
        """End the envelopes whose time is over, and return how many that were."""
        with self.database.reading() as session:
            due = (
                select(Envelope.id)
                .where(Envelope.status == EnvelopeStatus.SENT, Envelope.expires_at <= clock.utcnow())
                .order_by(Envelope.expires_at)
                .limit(limit)
            )
            envelope_ids = list(session.scalars(due))
        return sum(self._expire(envelope_id) for envelope_id in envelope_ids)

    def _expire(self, envelope_id: UUID) -> bool:
        with self.database.unit_of_work() as session:
            envelope = lock_envelope(session, envelope_id)
            now = clock.utcnow()
            if envelope.status is not EnvelopeStatus.SENT or envelope.expires_at > now:
                return False
            envelope.status, envelope.expired_at, envelope.updated_at = EnvelopeStatus.EXPIRED, now, now
            envelope.forget_drafts()
            audit.record_service(session, envelope, "expired", "The time to sign is over")
            self.events.add(session, envelope, EventType.EXPIRED)
            self.letters.tell_expired(session, envelope)
        return True

    def _document(self, new: NewEnvelope) -> bytes:
        if new.document is not None:
            return new.document
        if new.document_id is None:
            raise InvalidEnvelope(["Exactly one of document and document_id is required."])
        return self.uploads.read(new.document_id)


def lock_envelope(session: Session, envelope_id: UUID) -> Envelope:
    """Return the envelope once nobody else changes it; raise NotFound.

    On PostgreSQL its row is locked; on SQLite the transaction holds the only write lock already.
    """
    envelope = session.get(Envelope, envelope_id, with_for_update=True)
    if envelope is None:
        raise NotFound("There is no such signing request.")
    return envelope


def _check_pages(new: NewEnvelope, report: PdfReport) -> None:
    count = len(report.pages)
    beyond = [
        f"fields.{index}: Page {field.page} does not exist; the document has {count}."
        for index, field in enumerate(new.fields)
        if field.page > count
    ]
    if beyond:
        raise InvalidEnvelope(beyond)


def _build(new: NewEnvelope, document: bytes, report: PdfReport, anchored: PlacedAnchors) -> Envelope:
    now, envelope_id, digest = clock.utcnow(), ids.new_id(), sha256(document).hexdigest()
    recipients = [
        Recipient(
            id=ids.new_id(),
            position=position,
            order=recipient.order,
            first_name=recipient.first_name,
            last_name=recipient.last_name,
            email=recipient.email,
            designation=recipient.designation,
            contact=recipient.contact,
        )
        for position, recipient in enumerate(new.recipients)
    ]
    return Envelope(
        id=envelope_id,
        name=new.name,
        description=new.description,
        status=EnvelopeStatus.SENT,
        settings=new.settings,
        expiration_hours=new.expiration_hours,
        created_at=now,
        updated_at=now,
        sent_at=now,
        expires_at=now + timedelta(hours=new.expiration_hours),
        document_key=f"envelopes/{envelope_id}/document-{digest}.pdf",
        document_sha256=digest,
        pages=[{"width": page.width, "height": page.height} for page in report.pages],
        hidden_texts=[
            {"page": box.page, "x": box.x, "y": box.y, "width": box.width, "height": box.height}
            for box in anchored.hidden
        ],
        attempts=0,
        recipients=sorted(recipients, key=lambda recipient: (recipient.order, recipient.position)),
        fields=[
            _build_field(position, field, recipients[field.traits.recipient])
            for position, field in enumerate((*new.fields, *anchored.fields))
        ],
    )


def _build_field(position: int, field: NewField, recipient: Recipient) -> Field:
    traits = field.traits
    return Field(
        id=ids.new_id(),
        recipient=recipient,
        position=position,
        type=traits.type,
        page=field.page,
        x=field.x,
        y=field.y,
        width=field.width,
        height=field.height,
        required=traits.required,
        read_only=traits.read_only,
        options=traits.options,
        group=traits.group,
        variable_name=traits.variable_name,
        value=traits.read_only_value if traits.read_only else None,
    )
