"""Makes attempts at deliveries over HTTP, each on a connection of its own and within one limit of time."""

import http.client
import ssl
import threading
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache

import structlog
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from app.domain import clock
from app.domain.errors import ForbiddenAddress
from app.domain.ports import WebhookAnswer, WebhookFault, WebhookRequest
from app.gateways.webhooks import signature
from app.gateways.webhooks.connection import GuardedConnection, TimedTlsSocket
from app.gateways.webhooks.guard import PublicAddressGuard

log = structlog.get_logger(__name__)

#: What is kept of an answer (contract section 5).
_KEPT_BYTES = 1024
_LONGEST_RETRY_AFTER = 24 * 60 * 60
#: More digits than this are beyond the longest wait anyhow, and thousands of them would be slow to read.
_RETRY_AFTER_DIGITS = 9

_making_default_tls = threading.Lock()


class HttpWebhookSender:
    """`WebhookSender` that opens a connection per attempt; it has no state, so threads and forks may share it."""

    def __init__(
        self, *, guard: PublicAddressGuard, timeout_seconds: float = 15, tls: ssl.SSLContext | None = None
    ) -> None:
        """Prepare; nothing is sent. The limit covers an attempt from looking the name up to the end of the answer.

        `tls` replaces the context that trusts the system's certificates and those that come with requests.
        """
        self._guard = guard
        self._timeout_seconds = timeout_seconds
        self._own_tls = tls

    def send(self, request: WebhookRequest) -> WebhookAnswer:
        """Make one attempt and return how it went; raises only ValueError, for secrets that cannot sign."""
        headers = signature.headers(request)
        started = clock.monotonic()
        answer = self._attempt(request, headers, deadline=started + self._timeout_seconds)
        answer = replace(answer, duration_ms=clock.milliseconds_since(started))
        log.info(
            "webhook attempted",
            delivery_id=str(request.delivery_id),
            webhook_event=request.event,
            status=answer.status,
            error=answer.error,
            duration_ms=answer.duration_ms,
        )
        return answer

    def _tls(self) -> ssl.SSLContext:
        context = self._own_tls or _default_tls()
        context.sslsocket_class = TimedTlsSocket
        return context

    def _attempt(self, request: WebhookRequest, headers: dict[str, str], *, deadline: float) -> WebhookAnswer:
        try:
            destination = self._guard.destination(request.url)
            with closing(
                GuardedConnection(destination, guard=self._guard, tls=self._tls, deadline=deadline)
            ) as connection:
                return _exchange(connection, destination.target, request.body, headers)
        except ForbiddenAddress:
            return _failure(WebhookFault.REFUSED_ADDRESS)


def _exchange(connection: GuardedConnection, target: str, body: bytes, headers: dict[str, str]) -> WebhookAnswer:
    try:
        connection.request("POST", target, body=body, headers={**headers, "connection": "close"})
        with closing(connection.getresponse()) as response:
            return _answer(response)
    except TimeoutError:
        return _failure(WebhookFault.TOO_SLOW if connection.heard else WebhookFault.TIMEOUT)
    except ssl.SSLError:
        return _failure(WebhookFault.TLS)
    except OSError:
        return _failure(WebhookFault.CONNECTION)
    except http.client.HTTPException:
        return _failure(WebhookFault.MALFORMED)


def _failure(fault: WebhookFault) -> WebhookAnswer:
    return WebhookAnswer(status=None, duration_ms=0, error=fault)


def _answer(response: http.client.HTTPResponse) -> WebhookAnswer:
    is_redirect = 300 <= response.status < 400  # noqa: PLR2004 (the redirection class of RFC 9110 section 15.4)
    return WebhookAnswer(
        status=response.status,
        duration_ms=0,
        body=_beginning(response).decode("utf-8", "replace"),
        error=WebhookFault.REDIRECT if is_redirect else None,
        retry_after=_seconds(response.getheader("retry-after")),
    )


def _beginning(response: http.client.HTTPResponse) -> bytes:
    """Read the first bytes of the body, as far as they come: the status has been read and stands without them."""
    body = b""
    # Whatever breaks the body off, what came of it is kept.
    with suppress(OSError, http.client.HTTPException):
        while len(body) < _KEPT_BYTES and (chunk := response.read1(_KEPT_BYTES - len(body))):
            body += chunk
    # A chunk of a negative size makes `read1` give more than it was asked for.
    return body[:_KEPT_BYTES]


def _seconds(value: str | None) -> int | None:
    """Read a `Retry-After`, which is seconds or a date (RFC 9110 section 10.2.3); None when it is neither."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return min(int(value[:_RETRY_AFTER_DIGITS]), _LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = (moment - clock.utcnow()).total_seconds()
    return min(max(0, round(seconds)), _LONGEST_RETRY_AFTER)


def _default_tls() -> ssl.SSLContext:
    """Return the context of this process; threads that ask while it is made wait for it."""
    with _making_default_tls:
        return _make_default_tls()


@cache
def _make_default_tls() -> ssl.SSLContext:
    """Read the certificates: a tenth of a second and some megabytes, which a process that never sends does without."""
    context = ssl.create_default_context()
    # A slim container has no certificates of its own.
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context
