"""What the services need from the outside world, in our own words. `gateways` and `pdf` fulfil these protocols."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Protocol
from uuid import UUID


class Designation(StrEnum):
    """What a recipient is asked to do."""

    SIGNER = "Signer"
    APPROVER = "Approver"
    CC = "CC"


# --- PDFs ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PageSize:
    """A page as displayed: crop box, rotation and user unit applied; in points (1/72 inch)."""

    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class PdfReport:
    """What an accepted PDF holds."""

    pages: tuple[PageSize, ...]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle on a page: percent (0-100) of the displayed page, origin top-left; `page` counts from 1."""

    page: int
    x: float
    y: float
    width: float
    height: float


class PdfInspector(Protocol):
    """Looks into PDFs without ever letting one hurt this process."""

    def inspect(self, content: bytes) -> PdfReport:
        """Return what the PDF holds; raise UnreadablePdf when it cannot be signed faithfully."""

    def locate(self, content: bytes, texts: Sequence[str]) -> Mapping[str, tuple[Box, ...]]:
        """Return every place of each literal, case-sensitive text, in reading order; absent texts map to ()."""

    def count_pages(self, content: bytes) -> int:
        """Return how many pages a PDF has that need not be signable (a sealed one, say); raise UnreadablePdf."""


# --- Files -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """What a storage says of a file that it now holds durably. `sha256` is lower-case hex; `size` is bytes."""

    key: str
    sha256: str
    size: int


class FileStorage(Protocol):
    """Keeps whole files under keys such as `renders/<id>/<sha256>.pdf`."""

    def save(self, key: str, content: bytes) -> SavedFile:
        """Store the bytes durably (they survive a power cut once this returns) and whole, or not at all."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open a stored file for reading, seekable; raise FileNotFoundError when there is none."""

    def read(self, key: str) -> bytes:
        """Return the whole file; raise FileNotFoundError when there is none."""

    def delete(self, key: str) -> None:
        """Remove the file; a missing one is fine."""

    def check(self) -> None:
        """Raise OSError, with a sentence, when nothing can be stored now."""


# --- The signing service ---------------------------------------------------------------------------------------------


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


# --- Webhooks to the project's servers -------------------------------------------------------------------------------


class WebhookFault(StrEnum):
    """Why an attempt brought no usable answer."""

    #: Nothing came within the time, be it the name's address, the connection or the first byte.
    TIMEOUT = "timeout"
    #: Bytes came, but no whole head of an answer within the time.
    TOO_SLOW = "too_slow"
    CONNECTION = "connection"
    REFUSED_ADDRESS = "refused_address"
    TLS = "tls"
    REDIRECT = "redirect"
    #: What came is not HTTP.
    MALFORMED = "malformed"
    #: The fault is on our side; the worker's log says more.
    INTERNAL = "internal"


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """One attempt at a delivery.

    `delivery_id` and `body` are the same on every attempt, `sent_at` is the time of this one. `secrets` holds the
    subscription's secret, and while it is being rotated the previous one after it.
    """

    url: str = field(repr=False)
    event: str
    delivery_id: UUID
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    sent_at: datetime


@dataclass(frozen=True, kw_only=True)
class WebhookAnswer:
    """How an attempt went: a `status`, an `error`, or both for a redirect.

    `body` is the first 1 KiB of the answer as text, as far as it came in time. `retry_after` is seconds from now, at
    most a day.
    """

    status: int | None
    duration_ms: int
    body: str = field(default="", repr=False)
    error: WebhookFault | None = None
    retry_after: int | None = None

    @property
    def delivered(self) -> bool:
        """Tell whether the receiver has it (the success class of RFC 9110 section 15.3)."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 (as the docstring says)

    @property
    def gone(self) -> bool:
        """Tell whether the receiver wants no more events (RFC 9110 section 15.5.11)."""
        return self.status == 410  # noqa: PLR2004 (as the docstring says)


class WebhookSender(Protocol):
    """Makes attempts at deliveries; safe to share between threads."""

    def send(self, request: WebhookRequest) -> WebhookAnswer:
        """Make one attempt and return how it went; whatever the network does, nothing is raised."""


class AddressGuard(Protocol):
    """Knows where webhooks may be sent."""

    def check(self, url: str) -> None:
        """Raise ForbiddenAddress, with a sentence for the caller, when no webhook may be sent to this URL."""
