"""Webhook subscriptions: which of a project's servers is told of which events (contract section 5)."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey
from app.models.project import Project


class SwitchOffReason(StrEnum):
    """Why we, and not the project, switched a subscription off."""

    #: The receiver answered 410.
    GONE = "gone"
    #: All deliveries had failed for days.
    FAILING = "failing"


class WebhookSubscription(Base):
    """An address of a project, and what it wants to hear of."""

    __tablename__ = "webhook_subscriptions"
    __table_args__ = (UniqueConstraint("project_id", "created_at"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"))
    url: Mapped[str] = mapped_column(String(2048))
    events: Mapped[list[str]] = mapped_column(JSON)
    active: Mapped[bool]
    description: Mapped[str | None] = mapped_column(String(255))
    secret: Mapped[str] = mapped_column(String(128))
    #: The secret before it, which signs as well until that time.
    previous_secret: Mapped[str | None] = mapped_column(String(128))
    previous_secret_until: Mapped[Moment | None]
    created_at: Mapped[Moment]
    #: When the first attempt failed after which none has succeeded.
    failing_since: Mapped[Moment | None]
    disabled_at: Mapped[Moment | None]
    disabled_reason: Mapped[str | None] = mapped_column(String(16))
    #: A deleted subscription is kept for its deliveries: they are the record of what was told to whom.
    deleted_at: Mapped[Moment | None]

    project: Mapped[Project] = relationship(lazy="raise")
