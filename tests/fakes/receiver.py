"""A real receiver of webhooks: many addresses on one port, each of which behaves badly in a way of its own.

It verifies what it gets, as an integrator would, and remembers it.
"""

import hashlib
import hmac
import random
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self

from standardwebhooks.webhooks import Webhook

LONGEST_LINE = 65536


@dataclass(kw_only=True)
class Received:
    """A delivery that arrived, and what it was answered, if it was."""

    path: str
    headers: dict[str, str]
    body: bytes
    answered: int | None = None

    @property
    def delivery_id(self) -> str:
        return self.headers["x-craftkit-delivery-id"]


class Connection:
    """What a behaviour can do to who sent a delivery."""

    def __init__(self, handler: StreamRequestHandler, stop: threading.Event) -> None:
        self._handler = handler
        self.stop = stop

    def answer(self, status: int, *, headers: str = "", body: str = "") -> int:
        """Answer as HTTP wants it; return the status."""
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
        self._handler.wfile.write((head + body).encode())
        return status

    def say(self, text: bytes) -> None:
        """Send bytes as they are."""
        self._handler.wfile.write(text)


#: Answers a delivery and returns the status that it gave, if any; `number` counts the address's deliveries from 1.
Behaviour = Callable[[Connection, int], int | None]


def accept(connection: Connection, _number: int) -> int:
    """Take everything."""
    return connection.answer(204)


def fail(connection: Connection, _number: int) -> int:
    """Be broken."""
    return connection.answer(500, body="out of order")


def flaky(seed: int, *, share: float) -> Behaviour:
    """Return a receiver that fails for a share of what it gets."""
    dice = random.Random(seed)
    lock = threading.Lock()

    def behave(connection: Connection, _number: int) -> int:
        with lock:
            is_good = dice.random() >= share
        return connection.answer(200 if is_good else 503)

    return behave


def come_back(*, after: int) -> Behaviour:
    """Return a receiver that hangs up on the first deliveries, and then takes everything."""

    def behave(connection: Connection, number: int) -> int | None:
        return connection.answer(200) if number > after else None

    return behave


def leave(*, after: int) -> Behaviour:
    """Return a receiver that takes some deliveries, and then wants no more of them."""

    def behave(connection: Connection, number: int) -> int:
        return connection.answer(200 if number <= after else 410)

    return behave


def hang(connection: Connection, _number: int) -> None:
    """Say nothing, for longer than anybody waits."""
    connection.stop.wait(5)


def drip(connection: Connection, _number: int) -> None:
    """Say something all the time, and never anything whole."""
    connection.say(b"HTTP/1.1 200 OK\r\n")
    with suppress(OSError):
        while not connection.stop.wait(0.02):
            connection.say(b"X-Drip: 1\r\n")


def redirect(connection: Connection, _number: int) -> int:
    """Point to a receiver that would take it."""
    return connection.answer(302, headers="Location: /accepts\r\n")


@dataclass
class Receiver:
    """Use it with `with`. Behaviours are by path; `secrets` are those of each path's subscription."""

    behaviours: dict[str, Behaviour]
    secrets: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    #: What did not verify, and what made no sense.
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(self.behaviours, 0)
        self._stop = threading.Event()
        receiver = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                receiver._handle(self)

        class Server(ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 512

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()

    def _handle(self, handler: StreamRequestHandler) -> None:
        with suppress(OSError), closing(handler.connection):
            handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            path = handler.rfile.readline(LONGEST_LINE).split()[1].decode()
            headers = {}
            while (line := handler.rfile.readline(LONGEST_LINE).decode().strip()) != "":
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            body = handler.rfile.read(int(headers["content-length"]))
            with self._lock:
                self._counts[path] += 1
                number = self._counts[path]
                received = Received(path=path, headers=headers, body=body)
                self.received.append(received)
                self.complaints.extend(_complaints(received, self.secrets[path]))
            received.answered = self.behaviours[path](Connection(handler, self._stop), number)


def _complaints(received: Received, secret: str) -> list[str]:
    complaints = []
    try:
        Webhook(secret).verify(received.body, received.headers)
    except Exception as error:  # noqa: BLE001 (whatever the library says is what we want to know)
        complaints.append(f"standardwebhooks: {error}")
    digest = hmac.new(secret.encode(), received.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(digest, received.headers["x-craftkit-signature"]):
        complaints.append("x-craftkit-signature does not match")
    if received.headers["webhook-id"] != received.delivery_id:
        complaints.append("two ids")
    return complaints
