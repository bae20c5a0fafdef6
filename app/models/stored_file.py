"""Files in storage, with what proves that they are whole."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey


class StoredFile(Base):
    """A file that storage holds durably. The row is written after the file, so that no row points to a torn one."""

    __tablename__ = "stored_files"

    id: Mapped[PrimaryKey]
    key: Mapped[str] = mapped_column(String(255), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[Moment]
    #: When its content was given up; size and SHA-256 stay on record.
    erased_at: Mapped[Moment | None]
