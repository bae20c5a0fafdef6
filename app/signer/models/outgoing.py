"""What goes out: mails to people, events to the API."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.signer.models.base import Lease, SignerBase, words


class MailKind(StrEnum):
    """Why somebody is written to."""

    INVITATION = "invitation"
    REMINDER = "reminder"
    CODE = "code"
    FINAL_COPY = "final_copy"
    CANCELLATION = "cancellation"
    DECLINED = "declined"
    EXPIRATION = "expiration"


class OutgoingEvent(Lease, SignerBase):
    """An event for the API; `body` is sent byte for byte on every attempt."""

    __tablename__ = "outgoing_events"
    __table_args__ = (Index("ix_outgoing_events_next_attempt_at", "next_attempt_at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    envelope_id: Mapped[UUID] = mapped_column(ForeignKey("envelopes.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(60))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    abandoned_at: Mapped[datetime | None]


class Webhook(SignerBase):
    """How telling events goes; there is one row, as there is one address."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: Events that failed for good since the last one that arrived.
    consecutive_failures: Mapped[int]
    #: Since when none is sent, because those were too many.
    disabled_at: Mapped[datetime | None]


class Mail(Lease, SignerBase):
    """A mail to send. `mime` holds a signing link or a code, so it is erased once the mail is sent or given up."""

    __tablename__ = "mails"
    __table_args__ = (
        Index("ix_mails_next_attempt_at", "next_attempt_at"),
        Index("ix_mails_envelope_id", "envelope_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    envelope_id: Mapped[UUID] = mapped_column(ForeignKey("envelopes.id", ondelete="CASCADE"))
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"))
    kind: Mapped[MailKind] = mapped_column(words(MailKind))
    address: Mapped[str] = mapped_column(String(255))
    message_id: Mapped[str] = mapped_column(String(255), unique=True)
    #: The message without its attachment.
    mime: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: The file that is attached when the mail is sent.
    attachment_key: Mapped[str | None] = mapped_column(String(255))
    attachment_name: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    abandoned_at: Mapped[datetime | None]
