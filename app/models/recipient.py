"""The people on a signature request."""

from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base
from app.models.columns import Moment, PrimaryKey


class Recipient(Base):
    """A signer, an approver, or somebody who gets a copy."""

    __tablename__ = "recipients"

    id: Mapped[PrimaryKey]
    request_id: Mapped[UUID] = mapped_column(ForeignKey("signature_requests.id", ondelete="CASCADE"), index=True)
    #: Place in the request's array, from 0.
    position: Mapped[int]
    #: The provider's id for this person: the only id that the wire shows.
    provider_id: Mapped[str | None] = mapped_column(String(255))
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(255))
    designation: Mapped[str] = mapped_column(String(16))
    #: Place in the signing order, from 1.
    order: Mapped[int] = mapped_column("signing_order")
    signed_at: Mapped[Moment | None]
    declined_at: Mapped[Moment | None]
