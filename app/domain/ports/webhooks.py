"""Webhooks to the projects' servers."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


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
