"""The worker: its loop takes requests in and lets connections go, its threads answer."""

import json
import math
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Protocol

from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.server.connection import PatientSocket
from app.server.intake import Intake

if TYPE_CHECKING:
    from concurrent.futures import Future

    from gunicorn.arbiter import Arbiter

#: The signals that end a worker.
STOPS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})

#: Seconds in which a client can read its answer before the connection is gone, and in which what it sends is discarded.
LINGER = 2.0

#: Seconds between two looks at who is late.
SWEEP = 0.25

#: Seconds before another connection is accepted, for each of the first few that are there.
HESITATION = 0.0002
LONGEST_HESITATION = 5

#: Seconds in which a thread takes up the rest of a body that was not read. What was taken in already takes none.
DRAIN = 0.02

#: What is said to those who speak no HTTP, or too much of it, by status; the code is one that every caller knows.
REFUSALS = {
    414: ("request_too_large", "The address is too long."),
    431: ("request_too_large", "The headers are too large."),
    500: ("internal", "Something went wrong on this server."),
}
NO_HTTP = ("invalid_request", "This is not valid HTTP.")

TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class _Reader(Protocol):
    def read(self, size: int) -> bytes: ...


class _Body:
    """The reader of a body, which says with a ValueError that the body is no HTTP: applications foresee that one."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader

    def read(self, size: int) -> bytes:
        """Return so many bytes, or what there is."""
        try:
            return self._reader.read(size)
        except ParseException as error:
            raise ValueError("the body is not framed as HTTP wants it") from error


class _Overheard:
    """Takes what gunicorn says to a client, of which only the status line is for passing on."""

    def __init__(self) -> None:
        self.said = b""

    def gettimeout(self) -> float:
        """Return 0: there is nothing to wait for."""
        return 0.0

    def sendall(self, data: bytes) -> None:
        """Take it."""
        self.said += data


def keep_early_stops(arbiter: "Arbiter", _worker: ThreadWorker) -> None:
    """Keep the signals that come before the worker has handlers for them: the `post_fork` of our settings.

    Until then it has those of its master, which put them into a queue that nobody reads here. A worker that was asked
    to stop right after the fork went on, until it was killed after the whole graceful time-out.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    with suppress(Empty):
        while True:
            early = arbiter.SIG_QUEUE.get_nowait()
            if early in STOPS:
                signal.raise_signal(early)


class PatientWorker(ThreadWorker):
    """A thread worker whose threads are for requests that are here."""

    #: Seconds that a request may take to arrive, or an answer to be read, beside what a slow line needs.
    patience: float = 20

    def init_process(self) -> None:
        """Prepare the worker, then run it."""
        self._parked: dict[TConn, float] = {}
        self._next_sweep = 0.0
        self._closes_at = math.inf
        super().init_process()

    def init_signals(self) -> None:
        """Heed signals, those also that have come since the fork (`keep_early_stops`)."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; who has more of them hesitates longer, so that a sibling with fewer is first."""
        if self.cfg.workers > 1:
            time.sleep(HESITATION * min(self.nr_conns, LONGEST_HESITATION))
        super().accept(listener)

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread as soon as there is a request on it."""
        if self.cfg.is_ssl:
            super().enqueue_req(conn)
            return
        if not isinstance(conn.sock, PatientSocket):
            conn.sock = PatientSocket(conn.sock, self.patience)
        else:
            conn.sock.begin_request(Intake(conn.parser.unreader.take_buffered() + conn.sock.intake.content))
        conn.sock.setblocking(False)
        self._take_in(conn)

    def _take_in(self, conn: TConn) -> None:
        if conn.sock.take_in():
            conn.data_ready = True
            super().enqueue_req(conn)
        else:
            self._park(conn, self._on_more, until=self._wanted_by(conn.sock))

    def _wanted_by(self, client: PatientSocket) -> float:
        """Return when the request has to be here: soon while the worker stops, but nobody is cut off at once."""
        return min(client.late_at, max(self._closes_at, client.begun_at + LINGER))

    def _on_more(self, conn: TConn, _sock: socket.socket) -> None:
        self._unpark(conn)
        self._take_in(conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Tell whether the connection can take another request: not while the rest of a body is on its way."""
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + DRAIN))

    def handle_request(self, req: Request, conn: TConn) -> bool:
        """Answer a request."""
        req.body.reader = _Body(req.body.reader)
        return bool(super().handle_request(req, conn))

    def handle_error(
        self, req: Request | None, client: socket.socket, addr: tuple[str, int] | None, exc: BaseException
    ) -> None:
        """Log what went wrong and refuse, in the shape that all errors have: gunicorn would send a page of HTML."""
        overheard = _Overheard()
        super().handle_error(req, overheard, addr, exc)
        if overheard.said:
            with suppress(OSError):  # Then nobody is there to hear it.
                client.sendall(_refusal(overheard.said))

    def finish_request(self, conn: TConn, fs: "Future[bool]") -> None:
        """Wait for the next request, or let the connection go."""
        if not isinstance(conn.sock, PatientSocket):
            super().finish_request(conn, fs)
        elif fs.cancelled() or fs.exception() or not fs.result():
            self._linger(conn)
        elif conn.sock.intake.content or conn.parser.unreader.buf.getvalue():
            self.enqueue_req(conn)  # It came with the one before.
        else:
            super().finish_request(conn, fs)

    def _linger(self, conn: TConn) -> None:
        """Close so that the client can still read its answer (RFC 9112 section 9.6), without holding up the loop."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            self._park(conn, self._on_leftover, until=time.monotonic() + LINGER)

    def _on_leftover(self, conn: TConn, _sock: socket.socket) -> None:
        if conn.sock.discard():
            self._unpark(conn)
            self._drop(conn)

    def _park(self, conn: TConn, callback: Callable[[TConn, socket.socket], None], *, until: float) -> None:
        self._parked[conn] = until
        self.poller.register(conn.sock, EVENT_READ, partial(callback, conn))

    def _unpark(self, conn: TConn) -> None:
        del self._parked[conn]
        self.poller.unregister(conn.sock)

    def _drop(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Close the connections whose time is up."""
        super().murder_pending()
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP
        for conn in [conn for conn, until in self._parked.items() if until <= now]:
            if conn.sock.intake.content:
                conn.sock.send_briefly(TIMEOUT)
            self._unpark(conn)
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Begin to stop: let nobody who is waited for keep the worker longer than this.

        A worker whose master was killed comes here too, unasked. Its answers say that the connection ends, as those of
        one that was asked do, and it lets go of the address: else the next master could not have it for long.
        """
        self.alive = False
        for listener in self.sockets:
            listener.close()
        super()._cap_keepalive(deadline)
        self._closes_at = deadline
        self._parked = {conn: min(until, self._wanted_by(conn.sock)) for conn, until in self._parked.items()}


def _refusal(said: bytes) -> bytes:
    """Return gunicorn's refusal with another body."""
    status_line = said.partition(b"\r\n")[0]
    code, message = REFUSALS.get(int(status_line.split()[1]), NO_HTTP)
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    head = f"Connection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return b"%s\r\n%s%s" % (status_line, head.encode(), body)
