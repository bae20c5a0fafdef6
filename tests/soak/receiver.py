"""A project's server that takes webhooks, and fails now and then as servers do."""

import hmac
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Self

from app.domain import clock
from tests.soak.stack import HOST

#: Shares of attempts that are answered 500, not answered at all, and answered after the sender's time-out.
BROKEN, DROPPED, SLOW = 0.08, 0.03, 0.005
TOO_SLOW_SECONDS = 3


class Receiver:
    """Keeps what it was told: bodies by delivery id. Told to be well, it takes everything."""

    def __init__(self, *, seed: int) -> None:
        self._http = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="receiver", daemon=True
        )
        self._random = Random(f"{seed}-receiver")
        self._lock = threading.Lock()
        self.url = f"http://{HOST}:{self._http.server_address[1]}/webhooks"
        #: What deliveries are signed with; known once the subscription exists.
        self.secret = ""
        self.is_well = False
        self.bodies: dict[str, set[bytes]] = defaultdict(set)
        self.forged = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def take(self, delivery_id: str, signature: str, body: bytes) -> int | None:
        """Return what to answer, or None for nothing; what is answered 2xx counts as told."""
        with self._lock:
            drawn = 1.0 if self.is_well else self._random.random()
            if drawn < BROKEN:
                return 500
            if drawn < BROKEN + DROPPED:
                return None
            if hmac.digest(self.secret.encode(), body, "sha256").hex() != signature:
                self.forged += 1
            self.bodies[delivery_id].add(body)
        if drawn < BROKEN + DROPPED + SLOW:
            clock.sleep(TOO_SLOW_SECONDS)
        return 204


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(self.headers["x-craftkit-delivery-id"], self.headers["x-craftkit-signature"], body)
            if status is not None:
                self.send_response(status)
                self.end_headers()

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                # The sender was killed, or did not wait.
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing: what was told is kept."""

    return Handler
