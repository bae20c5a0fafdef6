"""A connection to a checked address that knows when its time is up."""

import http.client
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

from app.domain import clock
from app.domain.errors import ForbiddenAddress
from app.gateways.webhooks.guard import Destination, PublicAddressGuard


class TimedSocket(socket.socket):
    """A socket whose limit is a moment: a time-out alone begins again with each byte that drips in."""

    #: A moment of `clock.monotonic`; until it is set, the time-out holds as with any socket.
    deadline: float | None = None
    #: Whether a byte of what the other side says has come.
    heard = False

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Receive; raise TimeoutError when the time is up."""
        self._limit()
        count = super().recv_into(*args, **options)
        self.heard = self.heard or count > 0
        return count

    def send(self, *args: Any) -> int:
        """Send; raise TimeoutError when the time is up."""
        self._limit()
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        """Send everything; raise TimeoutError when the time is up."""
        self._limit()
        super().sendall(*args)

    def _limit(self) -> None:
        if self.deadline is not None:
            self.settimeout(remaining(self.deadline))


class TimedTlsSocket(TimedSocket, ssl.SSLSocket):
    """The same over TLS; the handshake is held to the limit that the plain socket had left."""


class GuardedConnection(http.client.HTTPConnection):
    """One exchange with one destination, directly: no proxy, no redirect, no cookie, no .netrc."""

    def __init__(
        self, destination: Destination, *, guard: PublicAddressGuard, tls: Callable[[], ssl.SSLContext], deadline: float
    ) -> None:
        """Prepare; `deadline` is a moment of `clock.monotonic`.

        `tls` is asked only for https; what it returns makes sockets of `TimedTlsSocket`.
        """
        super().__init__(destination.host, destination.port)
        # Else the Host header would carry the 443.
        self.default_port = http.client.HTTPS_PORT if destination.scheme == "https" else http.client.HTTP_PORT
        self._destination = destination
        self._guard = guard
        self._tls = tls
        self._deadline = deadline
        self._spoken: TimedSocket | None = None

    @property
    def heard(self) -> bool:
        """Tell whether a byte of an answer has come."""
        return self._spoken is not None and self._spoken.heard

    def connect(self) -> None:
        """Resolve once, check every address, and connect to one of exactly these.

        Raises ForbiddenAddress, and OSError for what the network does.
        """
        opened = self._open()
        try:
            spoken = self._secure(opened) if self._destination.scheme == "https" else opened
        except OSError:
            opened.close()
            raise
        spoken.deadline = self._deadline
        self.sock = self._spoken = spoken

    def _secure(self, opened: TimedSocket) -> TimedSocket:
        """Shake hands; the certificate must be for the name, whatever the address."""
        tls = self._tls()
        opened.settimeout(remaining(self._deadline))
        return cast("TimedTlsSocket", tls.wrap_socket(opened, server_hostname=self._destination.host))

    def _open(self) -> TimedSocket:
        """Try the addresses in turn, each with an equal share of the time that is left."""
        addresses = self._guard.addresses(self._destination, seconds=remaining(self._deadline))
        *others, last = addresses
        for tried, address in enumerate(others):
            try:
                return self._open_at(address, remaining(self._deadline) / (len(addresses) - tried))
            except OSError:
                continue
        return self._open_at(last, remaining(self._deadline))

    def _open_at(self, address: str, seconds: float) -> TimedSocket:
        opened = TimedSocket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            opened.settimeout(seconds)
            opened.connect((address, self.port))
            # Head and body are sent apart, and the body must not wait for the head's acknowledgement.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._guard.check_address(opened.getpeername()[0])
        except (OSError, ForbiddenAddress):
            opened.close()
            raise
        return opened


def remaining(deadline: float) -> float:
    """Return the seconds until a moment of `clock.monotonic`; raise TimeoutError when it has passed."""
    seconds = deadline - clock.monotonic()
    if seconds <= 0:
        raise TimeoutError("The time for this delivery is up.")
    return seconds
