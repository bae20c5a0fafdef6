"""The remote signing service as a real HTTP server that keeps the rules and fails on demand.

In a thread: `with ProviderServer(seed=1) as provider: provider.script("create", "accept_then_drop")`.
As a process: `python -m tests.fakes.provider_server --port 9100 --seed 1`, with `ProviderControl(origin)` elsewhere.
"""

import argparse
import signal
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from tests.fakes.provider_control import ProviderControl
from tests.fakes.provider_replies import Reply, Request
from tests.fakes.provider_service import ProviderService

HOST = "127.0.0.1"
API_KEY = "provider-key-0123456789"


class ProviderServer(ProviderControl):
    """A server in threads of this process; its control methods are those of `ProviderControl`."""

    def __init__(self, *, seed: int = 0, port: int = 0, api_key: str = API_KEY, files_after: float = 0) -> None:
        self._http = _HttpServer((HOST, port), _Handler)
        super().__init__(f"http://{HOST}:{self._http.server_address[1]}")
        self.api_key = api_key
        self._http.service = ProviderService(origin=self.origin, api_key=api_key, seed=seed, files_after=files_after)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._http.service.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._http.service.stop()
        self._http.shutdown()
        self._thread.join(timeout=10)
        self._http.server_close()


class _HttpServer(ThreadingHTTPServer):
    """One thread per connection; at the end every connection is closed, so that every thread ends."""

    daemon_threads = True
    #: A killed server's callers come back all at once.
    request_queue_size = 128
    service: ProviderService

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                del self._connections[request]

    def server_close(self) -> None:
        with self._connections_lock:
            left = dict(self._connections)
        for connection, thread in left.items():
            with suppress(OSError):  # The other side may be quicker.
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _HttpServer

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (the names that http.server calls)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            # The caller was killed, or did not wait for an answer.
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing: the state tells what happened."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            # The caller died while it spoke: that is no request.
            self.close_connection = True
            return
        reply = self.server.service.answer(
            Request(
                method=self.command,
                path=tuple(part for part in url.path.split("/") if part),
                query=dict(parse_qsl(url.query)),
                headers=self.headers,
                body=body,
            )
        )
        if reply is None:
            self.close_connection = True
            return
        self._write(reply)

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        own = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body)), "X-Request-Id": str(uuid4())}
        headers = own | reply.headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--api-key", default=API_KEY)
    parser.add_argument("--files-after", type=float, default=0)
    wish = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ProviderServer(seed=wish.seed, port=wish.port, api_key=wish.api_key, files_after=wish.files_after):
        stop.wait()


if __name__ == "__main__":
    main()
