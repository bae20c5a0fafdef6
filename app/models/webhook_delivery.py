"""Webhook deliveries: one event for one subscription, and the bytes that tell of it (contract section 5)."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Base
from app.models.columns import Leased, Moment, PrimaryKey
from app.models.webhook_attempt import WebhookAttempt

#: A small index: of millions of deliveries only few wait.
WAITS = text("due_at IS NOT NULL")


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    #: The last attempt failed, or the receiver wants nothing more (410).
    ABANDONED = "abandoned"
    #: The subscription was switched off or deleted while it waited.
    DROPPED = "dropped"


class WebhookDelivery(Leased, Base):
    """An event on its way. Written in the transaction of the event itself."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("subscription_id", "created_at"),
        Index("ix_webhook_deliveries_status", "subscription_id", "status", "created_at"),
        Index(
            "ix_webhook_deliveries_due", "subscription_id", "due_at", "id", sqlite_where=WAITS, postgresql_where=WAITS
        ),
    )

    id: Mapped[PrimaryKey]
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_subscriptions.id"))
    #: The request that the event is about; None for a test.
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("signature_requests.id", ondelete="CASCADE"), index=True)
    #: The event's place in the request's history: deliveries of one request to one subscription keep this order.
    sequence: Mapped[int]
    event: Mapped[str] = mapped_column(String(64))
    #: The bytes that are signed and sent; never made a second time.
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    status: Mapped[str] = mapped_column(String(16))
    #: When to send it; None also while it waits for an earlier event of its request.
    due_at: Mapped[Moment | None] = mapped_column(index=False)
    #: Attempts that failed since it was queued, or queued again.
    failures: Mapped[int] = mapped_column(default=0)
    #: All attempts there are a record of.
    attempts_made: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Moment]
    finished_at: Mapped[Moment | None]

    history: Mapped[list[WebhookAttempt]] = relationship(lazy="raise", order_by=WebhookAttempt.number)
