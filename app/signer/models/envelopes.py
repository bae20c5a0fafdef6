"""Envelopes: their people, fields and trail."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ports import Designation
from app.signer.models.base import Lease, SignerBase, words


class EnvelopeStatus(StrEnum):
    """Where an envelope stands. Everything but `sent` is final; there are no drafts."""

    SENT = "sent"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    EXPIRED = "expired"


class Envelope(Lease, SignerBase):
    """A document out for signature. The lease is the sealing's: `next_attempt_at` is set when everyone is done."""

    __tablename__ = "envelopes"
    __table_args__ = (
        Index("ix_envelopes_created_at", "created_at"),
        Index("ix_envelopes_status_expires_at", "status", "expires_at"),
        Index("ix_envelopes_next_attempt_at", "next_attempt_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    status: Mapped[EnvelopeStatus] = mapped_column(words(EnvelopeStatus))
    settings: Mapped[dict[str, Any]]
    expiration_hours: Mapped[int]

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_action_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None] = mapped_column(String(500))
    declined_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]
    #: When its personal data and its files were erased.
    erased_at: Mapped[datetime | None]

    document_key: Mapped[str] = mapped_column(String(255))
    document_sha256: Mapped[str] = mapped_column(String(64))
    #: One `{"width", "height"}` in points for each page, as displayed.
    pages: Mapped[list[Any]]
    #: Boxes `{"page", "x", "y", "width", "height"}` of anchor texts that the signed document hides.
    hidden_texts: Mapped[list[Any]]

    sealed_at: Mapped[datetime | None]
    signed_key: Mapped[str | None] = mapped_column(String(255))
    signed_sha256: Mapped[str | None] = mapped_column(String(64))
    certificate_key: Mapped[str | None] = mapped_column(String(255))
    certificate_sha256: Mapped[str | None] = mapped_column(String(64))
    #: Whether a time-stamp authority vouched for the time of the seal.
    timestamped: Mapped[bool | None]

    recipients: Mapped[list["Recipient"]] = relationship(
        back_populates="envelope", order_by="Recipient.order, Recipient.position", cascade="all, delete-orphan"
    )
    fields: Mapped[list["Field"]] = relationship(order_by="Field.position", cascade="all, delete-orphan")
    audit: Mapped[list["AuditEntry"]] = relationship(order_by="AuditEntry.sequence", cascade="all, delete-orphan")

    def forget_drafts(self) -> None:
        """Erase what people have entered and not signed: the envelope is over."""
        for recipient in self.recipients:
            recipient.draft = None


class Recipient(SignerBase):
    """A person on an envelope, and how far they are."""

    __tablename__ = "recipients"
    __table_args__ = (Index("ix_recipients_envelope_id", "envelope_id"), Index("ix_recipients_email", "email"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    envelope_id: Mapped[UUID] = mapped_column(ForeignKey("envelopes.id", ondelete="CASCADE"))
    #: Place in the caller's list, from 0; it decides between equal orders.
    position: Mapped[int]
    order: Mapped[int]
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(255))
    designation: Mapped[Designation] = mapped_column(words(Designation))
    #: phone_number, street_address, city, state_province, postal_code, country, title, company, custom_fields.
    contact: Mapped[dict[str, Any]]

    notified_at: Mapped[datetime | None]
    viewed_at: Mapped[datetime | None]
    consented_at: Mapped[datetime | None]
    consent_text: Mapped[str | None] = mapped_column(Text)
    signed_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    decline_reason: Mapped[str | None] = mapped_column(String(500))
    #: What their browser asked for when they opened the document; mails before that are in the service's language.
    language: Mapped[str | None] = mapped_column(String(10))
    #: What they have entered so far by field id, without signatures; gone once they finish or decline.
    draft: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    #: Where they finished or declined from.
    ip_address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(500))

    envelope: Mapped[Envelope] = relationship(back_populates="recipients")

    @property
    def name(self) -> str:
        """The full name, always built from its parts (provider fact sheet, section 2.2)."""
        return f"{self.first_name} {self.last_name}" if self.last_name else self.first_name


class Field(SignerBase):
    """A place on a page that a recipient fills in."""

    __tablename__ = "fields"
    __table_args__ = (Index("ix_fields_envelope_id", "envelope_id"), Index("ix_fields_recipient_id", "recipient_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    envelope_id: Mapped[UUID] = mapped_column(ForeignKey("envelopes.id", ondelete="CASCADE"))
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"))
    position: Mapped[int]
    type: Mapped[str] = mapped_column(String(30))
    page: Mapped[int]
    x: Mapped[float]
    y: Mapped[float]
    width: Mapped[float]
    height: Mapped[float]
    required: Mapped[bool]
    read_only: Mapped[bool]
    #: Choices of a drop-down, else empty.
    options: Mapped[list[Any]]
    #: Radio buttons, or check boxes, that belong together.
    group: Mapped[UUID | None] = mapped_column("group_id")
    variable_name: Mapped[str | None] = mapped_column(String(255))
    #: What the signer entered, or the caller's fixed text of a read-only field.
    value: Mapped[str | None] = mapped_column(Text)

    recipient: Mapped[Recipient] = relationship()

    @property
    def place(self) -> dict[str, int | float]:
        """Where it stands, in the words of the stamping."""
        return {"page": self.page, "x": self.x, "y": self.y, "width": self.width, "height": self.height}


class AuditEntry(SignerBase):
    """One line of the audit trail; each carries a hash over itself and the hash of the one before."""

    __tablename__ = "audit_entries"
    __table_args__ = (UniqueConstraint("envelope_id", "sequence"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    envelope_id: Mapped[UUID] = mapped_column(ForeignKey("envelopes.id", ondelete="CASCADE"))
    sequence: Mapped[int]
    at: Mapped[datetime]
    #: `admin` (the API's side) or `signer`.
    source: Mapped[str] = mapped_column(String(10))
    event: Mapped[str] = mapped_column(String(50))
    description: Mapped[str] = mapped_column(String(500))
    actor: Mapped[dict[str, Any]]
    ip_address: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]]
    #: Over the line as it was written, also when its content was erased later.
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    erased_at: Mapped[datetime | None]
