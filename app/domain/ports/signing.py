"""The signing service, and what travels to and from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.domain.ports.documents import Box, PageSize


class Designation(StrEnum):
    """What a recipient is asked to do."""

    SIGNER = "Signer"
    APPROVER = "Approver"
    CC = "CC"


@dataclass(frozen=True, kw_only=True)
class EnvelopeRecipient:
    """A person on an envelope; `order` counts from 1 and is unique."""

    first_name: str
    last_name: str | None
    email: str
    designation: Designation
    order: int


@dataclass(frozen=True, kw_only=True)
class EnvelopeField:
    """A field placed by the caller. Percent of the displayed page, origin top-left; `page` counts from 1.

    `type` is the contract's word: signature, initial, text, date, checkbox, dropdown, radio_buttons, text_area.
    """

    recipient_index: int
    type: str
    page: int
    x: float
    y: float
    width: float | None = None
    height: float | None = None
    required: bool = True
    options: tuple[str, ...] | None = None
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class EnvelopeAnchor:
    """A field placed at a text. `width` and `height` are points.

    `matches` are the places where the text stands in the document, found by us before sending.
    """

    recipient_index: int
    type: str
    text: str
    matches: tuple[Box, ...]
    width: float | None = None
    height: float | None = None
    required: bool = True
    ignore_if_not_present: bool = False


@dataclass(frozen=True, kw_only=True)
class EnvelopeDraft:
    """All that the signing service needs to create an envelope and send it."""

    reference: UUID
    name: str
    document: bytes = field(repr=False)
    pages: tuple[PageSize, ...]
    recipients: tuple[EnvelopeRecipient, ...]
    fields: tuple[EnvelopeField, ...]
    anchors: tuple[EnvelopeAnchor, ...]
    expiration_hours: int
    require_code: bool = False


class EnvelopeStatus(StrEnum):
    """The provider's state of an envelope, reduced to one word."""

    DRAFT = "draft"
    OPEN = "open"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class RecipientState:
    """How far one person is. `provider_id` is the provider's id for that person."""

    provider_id: str
    email: str
    order: int
    signed_at: datetime | None = None
    declined_at: datetime | None = None
    decline_reason: str | None = None
    #: Why each mail to them that could not be delivered was given up, the first one first; the list only grows.
    mail_failures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SentEnvelope:
    """An envelope that the provider has sent."""

    provider_id: str
    recipients: tuple[RecipientState, ...]


@dataclass(frozen=True, kw_only=True)
class EnvelopeState:
    """Everything we read back of an envelope."""

    provider_id: str
    status: EnvelopeStatus
    recipients: tuple[RecipientState, ...]
    #: Our id of the request, if the envelope carries one.
    reference: UUID | None = None
    expires_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FoundEnvelope:
    """A hit of a look-up by our reference."""

    provider_id: str
    status: EnvelopeStatus


class SigningProvider(Protocol):
    """The remote signing service. Every method may raise ProviderUnavailable or ProviderRejected."""

    def create_and_send(self, draft: EnvelopeDraft) -> SentEnvelope:
        """Create the envelope and send it, in one call that is made at most once per reference.

        Raises CreditsExhausted or another ProviderRejected when it certainly does not exist, ProviderUnavailable with
        `may_have_acted` when that is not known.
        """

    def find_by_reference(self, reference: UUID, *, name: str, created_after: datetime) -> tuple[FoundEnvelope, ...]:
        """Return the envelopes that carry this reference, newest first; normally none or one."""

    def read(self, provider_id: str) -> EnvelopeState:
        """Return the present state; raise EnvelopeNotFound when there is no such envelope."""

    def viewers(self, provider_id: str) -> tuple[str, ...]:
        """Return the e-mail addresses of the people who have opened the envelope, the first one first."""

    def cancel(self, provider_id: str, *, reason: str | None) -> None:
        """Cancel it; raise EnvelopeAlreadyOver when it is in a final state."""

    def remind(self, provider_id: str, *, recipient_ids: Sequence[str], message: str | None) -> None:
        """Mail these people, by their provider's ids, once more; raise ReminderRefused when it is not their turn.

        Made once, because it mails people: after ProviderUnavailable with `may_have_acted` they may have been mailed.
        """

    def delete_draft(self, provider_id: str) -> None:
        """Delete an envelope that was never sent; one that is gone already is fine."""

    def download_signed_document(self, provider_id: str) -> bytes:
        """Return the signed PDF; raise FileNotReady while it is being made."""

    def download_certificate(self, provider_id: str) -> bytes:
        """Return the certificate of completion; raise FileNotReady while it is being made."""

    def credits(self) -> int:
        """Return how many envelopes the account can still send."""


@dataclass(frozen=True, kw_only=True)
class ProviderEventNotice:
    """A verified event: only these three are read of its body (provider fact sheet, section 18)."""

    event_id: str
    type: str
    provider_id: str | None


class ProviderEventVerifier(Protocol):
    """Checks who an event comes from."""

    def verify(self, body: bytes, headers: Mapping[str, str]) -> ProviderEventNotice:
        """Return the event; raise InvalidProviderEvent when the signature, its time or the shape is wrong."""
