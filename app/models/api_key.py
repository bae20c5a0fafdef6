"""API keys; only a hash of each is kept (contract section 1)."""

from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey
from app.models.project import Project


class ApiKey(Base):
    """A key of one project."""

    __tablename__ = "api_keys"

    id: Mapped[PrimaryKey]
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    #: The start of the key, safe to show: it finds the row and proves nothing.
    prefix: Mapped[str] = mapped_column(String(32), unique=True)
    #: SHA-256 of the whole key, lower-case hex. The key holds 256 random bits, so a slow hash would protect nothing.
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Moment]
    last_used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]

    project: Mapped[Project] = relationship(lazy="raise")
