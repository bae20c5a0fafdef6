"""Idempotency keys: which request a caller's key stands for. They never expire (contract section 3)."""

from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey


class IdempotencyKey(Base):
    """A key that a project has used. The unique constraint picks the one winner of a race."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("project_id", "kind", "key"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[UUID]
    #: What the key creates: `signature` or `render`; the same key may serve once for each.
    kind: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(255))
    #: SHA-256 of the validated, defaulted body; the same key with another body is refused.
    fingerprint: Mapped[str] = mapped_column(String(64))
    #: SHA-256 of the body's bytes: the very same bytes are not validated again. None where nothing asks for it.
    body_digest: Mapped[str | None] = mapped_column(String(64))
    resource_id: Mapped[UUID] = mapped_column(index=True)
    created_at: Mapped[Moment]
    #: When what it created was purged. The key stays: it must not create a second one.
    purged_at: Mapped[Moment | None]
