"""Renders: the PDFs to be signed, or places reserved for them."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey
from app.models.stored_file import StoredFile


class RenderStatus(StrEnum):
    """Where a render stands (contract section 3)."""

    QUEUED = "queued"
    RENDERING = "rendering"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Render(Base):
    """A PDF of a project."""

    __tablename__ = "renders"
    __table_args__ = (UniqueConstraint("project_id", "created_at"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"))
    status: Mapped[str] = mapped_column(String(16))
    error_message: Mapped[str | None] = mapped_column(String(500))
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"), index=True)
    #: Displayed page sizes in points, [[width, height], ...]: what only the PDF can tell, read once.
    pages: Mapped[list[list[float]] | None] = mapped_column(JSON)
    created_at: Mapped[Moment]
    completed_at: Mapped[Moment | None]

    file: Mapped[StoredFile | None] = relationship(lazy="joined")
