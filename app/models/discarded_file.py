"""Files that nothing refers to any more and that storage is still to remove."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base
from app.models.columns import Leased, Moment, PrimaryKey


class DiscardedFile(Leased, Base):
    """A file on its way out. Written in the transaction that gave it up, so that a crash does not leave it behind."""

    __tablename__ = "discarded_files"

    id: Mapped[PrimaryKey]
    key: Mapped[str] = mapped_column(String(255))
    discarded_at: Mapped[Moment]
