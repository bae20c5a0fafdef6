"""Projects: each owns keys, renders and signature requests that no other project sees."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey


class Project(Base):
    """A tenant of this installation."""

    __tablename__ = "projects"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[Moment]
