"""What lets somebody in: links, codes, addresses to upload to, and the service's own keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.signer.models.base import SignerBase
from app.signer.models.envelopes import Recipient


class Upload(SignerBase):
    """A document announced by `POST /documents`, put to a one-time address and used by one envelope."""

    __tablename__ = "uploads"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    file_name: Mapped[str] = mapped_column(String(255))
    file_size: Mapped[int]
    content_type: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    document_key: Mapped[str | None] = mapped_column(String(255))
    used_at: Mapped[datetime | None]


class Link(SignerBase):
    """A signing link, known by the hash of its token only.

    The one of a browser in which a code was confirmed is never mailed: it lives in that browser's cookie.
    """

    __tablename__ = "links"
    __table_args__ = (Index("ix_links_recipient_id", "recipient_id"),)

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]

    recipient: Mapped[Recipient] = relationship()


class Code(SignerBase):
    """A one-time code that was mailed to a recipient, known by its keyed hash only; the newest one counts."""

    __tablename__ = "codes"
    __table_args__ = (Index("ix_codes_recipient_id", "recipient_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    wrong_tries: Mapped[int]
    used_at: Mapped[datetime | None]


class Secret(SignerBase):
    """A random key that the service made for itself on its first start."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
