"""The history of a signature request: every change, when, and what caused it."""

from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey
from app.models.recipient import Recipient


class HistoryEntry(Base):
    """One change. Written in the transaction of the change itself."""

    __tablename__ = "history"
    __table_args__ = (UniqueConstraint("request_id", "sequence"),)

    id: Mapped[PrimaryKey]
    request_id: Mapped[UUID] = mapped_column(ForeignKey("signature_requests.id", ondelete="CASCADE"))
    #: 1, 2, 3 … within the request.
    sequence: Mapped[int]
    at: Mapped[Moment]
    #: What happened: a lifecycle `Action`, or a `Mark` (domain/history.py).
    action: Mapped[str] = mapped_column(String(32))
    from_status: Mapped[str] = mapped_column(String(16))
    to_status: Mapped[str] = mapped_column(String(16))
    #: How we learned of it or why we did it: `api`, `provider`, `archive`, `doubt`, `worker`, `operator`.
    cause: Mapped[str] = mapped_column(String(32))
    recipient_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str | None] = mapped_column(String(2000))

    recipient: Mapped[Recipient | None] = relationship(lazy="raise")
