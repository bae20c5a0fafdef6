"""A client's connection, on which nothing is waited for longer than a slow line needs."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from app.server.intake import Intake

if TYPE_CHECKING:
    from socket import _SendableFile

    from _typeshed import ReadableBuffer

#: A line slower than this, in bytes a second, is no line.
SLOWEST = 16 * 1024

#: How much is sent, or taken in, before the clock is looked at again.
PIECE = 256 * 1024

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class TooSlow(ConnectionResetError):
    """The client keeps us waiting; gunicorn closes the connection as it does when the client has."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client is too slow")


class PatientSocket(socket.socket):
    """A connection that hands out first what was taken in, and then waits as long as a slow line may take."""

    def __init__(self, accepted: socket.socket, seconds: float) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._seconds = seconds
        self.begin_request(Intake())

    def begin_request(self, intake: Intake) -> None:
        """Start the clock of a request, of which something may have come with the one before."""
        self.intake = intake
        #: When its first byte may have come.
        self.begun_at = time.monotonic()
        self._write_from: float | None = None
        self._received = self._sent = 0

    @property
    def late_at(self) -> float:
        """When the request has to be here: later, the more of it has come."""
        return self.begun_at + self._seconds + self._received / SLOWEST

    def take_in(self) -> bool:
        """Read what is there; tell whether it is time for a thread, which also meets the end and the errors."""
        while not self.intake.is_whole():
            try:
                data = super().recv(PIECE)
            except BlockingIOError:
                self._encourage()
                return False
            except OSError:
                return True
            if not data:
                return True
            self._received += len(data)
            self.intake.content += data
        return True

    def _encourage(self) -> None:
        if self.intake.is_awaited:
            self.intake.is_awaited = False
            self.send_briefly(CONTINUE)

    def send_briefly(self, message: bytes) -> None:
        """Send a few bytes if that is possible at once."""
        with suppress(OSError):  # Whoever does not hear it finds out soon enough.
            self.send(message)

    def discard(self) -> bool:
        """Throw away what is there; tell whether the client is gone."""
        try:
            return not super().recv(PIECE)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Return what was taken in, then what comes. Raises TooSlow."""
        if content := self.intake.content:
            data = bytes(content[:bufsize])
            del content[:bufsize]
            return data
        with self._waiting_until(self.late_at):
            data = super().recv(bufsize, flags)
        self._received += len(data)
        return data

    def sendall(self, data: "ReadableBuffer", flags: int = 0, /) -> None:
        """Send all of it. Raises TooSlow."""
        left = memoryview(data)
        while left:
            with self._waiting_until(self._unread_at()):
                count = self.send(left[:PIECE], flags)
            self._sent += count
            left = left[count:]

    def sendfile(self, file: "_SendableFile", offset: int = 0, count: int | None = None) -> int:
        """Send so many bytes of a file. Raises TooSlow."""
        sent = 0
        while count is None or sent < count:
            size = PIECE if count is None else min(PIECE, count - sent)
            with self._waiting_until(self._unread_at()):
                done = super().sendfile(file, offset + sent, size)
            self._sent += done
            sent += done
            if done < size:
                break
        return sent

    def _unread_at(self) -> float:
        """Return when the next piece must have gone: the kernel's buffer takes a lot that nobody has read."""
        now = time.monotonic()
        if self._write_from is None:
            self._write_from = now
        return min(now, self._write_from + self._sent / SLOWEST) + self._seconds

    @contextmanager
    def _waiting_until(self, deadline: float) -> Iterator[None]:
        """Wait in the socket no longer than this, nor than the time-out that it has."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TooSlow
        before = self.gettimeout()
        if before is not None and before < left:
            yield
            return
        self.settimeout(left)
        try:
            yield
        except TimeoutError as error:
            raise TooSlow from error
        finally:
            self.settimeout(before)
