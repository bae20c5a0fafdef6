"""Events from the provider: stored once, applied by the worker (contract section 6)."""

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base
from app.models.columns import Leased, Moment, PrimaryKey


class ProviderEvent(Leased, Base):
    """One event, as it was received."""

    __tablename__ = "provider_events"

    id: Mapped[PrimaryKey]
    #: The provider's id of the event, the same on every attempt to deliver it.
    event_id: Mapped[str] = mapped_column(String(255), unique=True)
    type: Mapped[str] = mapped_column(String(100))
    #: The provider's id of the envelope that it speaks of.
    provider_id: Mapped[str | None] = mapped_column(String(255), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[Moment]
    applied_at: Mapped[Moment | None]
    #: `applied`, `adopted` (it led to a lost envelope), `ignored` or `unmatched` (not ours); None while it waits.
    outcome: Mapped[str | None] = mapped_column(String(16))
