"""Receivers of webhooks in memory: they take everything, and can be told to fail in every way that matters.

What is sent is held against the API's description.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.errors import ForbiddenAddress
from app.domain.ports import WebhookAnswer, WebhookFault, WebhookRequest
from tests.described import assert_delivery_described

Behaviour = Callable[[WebhookRequest], WebhookAnswer]


def answering(status: int, *, body: str = "", retry_after: int | None = None) -> Behaviour:
    """Return a receiver that always answers so."""
    return lambda _request: WebhookAnswer(status=status, duration_ms=7, body=body, retry_after=retry_after)


def unreachable(_request: WebhookRequest) -> WebhookAnswer:
    """Behave like a receiver that is down."""
    return WebhookAnswer(status=None, duration_ms=3, error=WebhookFault.CONNECTION)


@dataclass
class FakeWebhookSender:
    """Implements `WebhookSender`. Each URL may have a behaviour of its own; the others answer 204."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    sent: list[WebhookRequest] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, request: WebhookRequest) -> WebhookAnswer:
        assert_delivery_described(request)
        with self.lock:
            self.sent.append(request)
        return self.behaviours.get(request.url, answering(204))(request)

    def events(self, url: str) -> list[str]:
        """Return what a receiver was told, in order."""
        return [request.event for request in self.sent if request.url == url]


@dataclass(frozen=True)
class TrustingGuard:
    """Implements `AddressGuard`: only `https` addresses of `.invalid` are forbidden, and no name is looked up."""

    def check(self, url: str) -> None:
        if not url.startswith("https://") or ".invalid" in url:
            raise ForbiddenAddress("The URL leads to an address that is not a public one.")
