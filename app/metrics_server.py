"""The worker's own `/metrics`: it answers no other requests, so it brings a small server."""

import socket
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from app import metrics
from app.proxies import is_within

PATH = "/metrics"

#: A caller that says nothing for so long is not waited for.
TIMEOUT_SECONDS = 5


class MetricsServer(ThreadingHTTPServer):
    """Shows this process's numbers to the addresses that may read them, for as long as the block runs."""

    daemon_threads = True

    def __init__(self, host: str, port: int, *, allowed: Sequence[str]) -> None:
        """Listen; raise OSError when the address cannot be had."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.allowed = allowed
        super().__init__((host, port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, name="metrics", daemon=True)

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = TIMEOUT_SECONDS

    def do_GET(self) -> None:
        if self.path != PATH or not is_within(self.client_address[0], self.server.allowed):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = metrics.expose()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", metrics.CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: whoever scrapes does so every few seconds."""
