"""Callers that ask a server as fast as it answers, cheap enough not to be what is measured.

All of them share one thread: each has a kept-alive connection, and sends its next request once it has its answer.
"""

import re
import selectors
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from app.domain import clock

HOST = "127.0.0.1"
CALLERS = 8

#: Seconds; a server that is silent for that long has hung.
PATIENCE = 60
CHUNK = 256 * 1024

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"
SUCCESS = b"HTTP/1.1 2"


@dataclass(frozen=True)
class Load:
    """What callers got: the seconds that each answer took, and those from the first request to the last answer."""

    latencies: list[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Return answers per second."""
        return len(self.latencies) / self.seconds

    @property
    def median(self) -> float:
        """Return the median of the seconds that an answer took."""
        return median(self.latencies)


def for_seconds(requests: Iterable[bytes], seconds: float) -> Iterator[bytes]:
    """Yield requests until the time is over."""
    end = clock.monotonic() + seconds
    for request in requests:
        if clock.monotonic() > end:
            return
        yield request


def drive(port: int, requests: Iterable[bytes], *, callers: int = CALLERS) -> Load:
    """Send all requests, from so many callers at a time; an answer that is no success is a failure of the whole."""
    waiting = iter(requests)
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector, ExitStack() as sockets:
        idle = [_Caller(sockets.enter_context(socket.create_connection((HOST, port)))) for _ in range(callers)]
        started = clock.monotonic()
        for caller, request in zip(idle, waiting, strict=False):
            selector.register(caller.socket, selectors.EVENT_READ, caller)
            caller.send(request)
        while selector.get_map():
            answered = selector.select(PATIENCE)
            assert answered, "the server does not answer any more"
            for key, _ in answered:
                if not key.data.has_answer():
                    continue
                latencies.append(key.data.seconds)
                request = next(waiting, None)
                if request is None:
                    selector.unregister(key.fileobj)
                else:
                    key.data.send(request)
        return Load(latencies, clock.monotonic() - started)


@dataclass(slots=True)
class _Caller:
    socket: socket.socket
    seconds: float = 0
    _sent_at: float = 0
    _received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes) -> None:
        self._received.clear()
        self._sent_at = clock.monotonic()
        self.socket.sendall(request)

    def has_answer(self) -> bool:
        """Read what has come; say whether the answer is whole."""
        chunk = self.socket.recv(CHUNK)
        assert chunk, "the server closed the connection instead of answering"
        self._received += chunk
        end_of_head = self._received.find(END_OF_HEAD)
        if end_of_head < 0:
            return False
        length = CONTENT_LENGTH.search(self._received, 0, end_of_head + 2)
        assert length is not None, "an answer without a length"
        if len(self._received) < end_of_head + len(END_OF_HEAD) + int(length[1]):
            return False
        assert self._received.startswith(SUCCESS), self._received.decode(errors="replace")
        self.seconds = clock.monotonic() - self._sent_at
        return True


def request(method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
