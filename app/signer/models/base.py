"""The root of the tables, and what several of them share."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Enum, MetaData, String, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.extensions import NAMING, UTCDateTime


class SignerBase(DeclarativeBase):
    """Root of the signing service's own tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's class-level setting)
        datetime: UTCDateTime,
        UUID: Uuid,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


def words(kind: type[StrEnum]) -> Enum:
    """Return the column type of an enumeration: its words, as text."""
    return Enum(kind, native_enum=False, length=20, values_callable=lambda members: [word.value for word in members])


class Lease:
    """Columns of a row that a background job claims: who works on it, until when, and when to try next.

    `attempts` is raised at the claim, so that a row which kills its process cannot be tried for ever.
    """

    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
