"""Attempts at webhook deliveries: when, and what came of it."""

from uuid import UUID

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey


class WebhookAttempt(Base):
    """One attempt. A worker that died in the middle of one leaves no row."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[PrimaryKey]
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_deliveries.id", ondelete="CASCADE"))
    #: 1, 2, 3 … within the delivery, over all its rounds.
    number: Mapped[int]
    at: Mapped[Moment]
    #: The answer's HTTP status; None when there was no answer.
    status: Mapped[int | None]
    #: A `WebhookFault`.
    error: Mapped[str | None] = mapped_column(String(32))
    duration_ms: Mapped[int]
    #: The first 1 KiB of the answer's body.
    answer: Mapped[str] = mapped_column(Text)
