"""Signature requests (contract section 2)."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.lifecycle import Status
from app.extensions import Base
from app.models.columns import Leased, Moment, PrimaryKey
from app.models.recipient import Recipient
from app.models.stored_file import StoredFile


class SignatureRequest(Leased, Base):
    """A render sent out for signature. `status` is written by `services/transitions.py` alone."""

    __tablename__ = "signature_requests"
    __table_args__ = (
        UniqueConstraint("project_id", "created_at"),
        Index("ix_signature_requests_render", "render_id", "created_at"),
        Index("ix_signature_requests_status", "project_id", "status", "created_at"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"))
    render_id: Mapped[UUID] = mapped_column(ForeignKey("renders.id"))
    name: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16), default=Status.CREATING)
    expiration_hours: Mapped[int]
    #: The provider's id of the envelope; None until the provider's answer is recorded.
    provider_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    error_message: Mapped[str | None] = mapped_column(String(2000))

    #: When the row was claimed for the one create call, and when that call ended without a clear answer.
    claimed_at: Mapped[Moment]
    doubtful_since: Mapped[Moment | None]
    #: Given in the transaction that makes the request visible (contract section 3, list); None while `creating`.
    created_at: Mapped[Moment | None]
    expires_at: Mapped[Moment | None]
    #: When a cancel was last sent to the provider, and why: its answer may be lost too.
    cancel_requested_at: Mapped[Moment | None]
    cancel_reason: Mapped[str | None] = mapped_column(String(500))
    #: When we cancelled the envelope at the provider because its time had passed: that is `expired` here.
    expiry_requested_at: Mapped[Moment | None]
    #: When people were last reminded: at most once a minute.
    last_reminded_at: Mapped[Moment | None]
    #: When the worker last asked the provider of its own accord.
    polled_at: Mapped[Moment | None] = mapped_column(index=True)
    #: When the provider said that everybody has signed; `completed` follows once the files are archived.
    finished_at: Mapped[Moment | None]
    completed_at: Mapped[Moment | None]
    #: When its personal data and its files were erased.
    erased_at: Mapped[Moment | None]

    signed_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"), index=True)
    certificate_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"), index=True)

    recipients: Mapped[list[Recipient]] = relationship(
        lazy="selectin", order_by=Recipient.position, cascade="all, delete-orphan", passive_deletes=True
    )
    signed_file: Mapped[StoredFile | None] = relationship(lazy="raise", foreign_keys=[signed_file_id])
    certificate_file: Mapped[StoredFile | None] = relationship(lazy="raise", foreign_keys=[certificate_file_id])

    @property
    def envelope_id(self) -> str:
        """The provider's id of a request that was sent; ValueError, a bug, for one that was not."""
        if self.provider_id is None:
            raise ValueError(f"signature request {self.id} has no envelope")
        return self.provider_id
