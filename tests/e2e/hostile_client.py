"""Clients of which a test says exactly what they send, and when."""

import re
import socket
import time
from contextlib import ExitStack, contextmanager

#: How long a test waits for an answer, in seconds.
SOON = 5

#: More than all threads of a server.
CROWD = 40


class Client:
    """A connection on which a test says exactly what is sent, and when."""

    def __init__(self, api, *, window: int | None = None) -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(SOON)
        host, _, port = api.url.removeprefix("http://").partition(":")
        self.socket.connect((host, int(port)))
        self.began = time.monotonic()
        self._key = api.key

    def ask(self, method, path, *headers, body=b"", with_key=True):
        """Send the head of a request, and perhaps some of its body."""
        lines = [f"{method} {path} HTTP/1.1", "Host: sign.test", *headers]
        lines += [f"Authorization: Bearer {self._key}"] if with_key else []
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return self

    def answer(self):
        """Return the status and everything that came, once the server has closed, or stays silent for a moment."""
        received = b""
        self.socket.settimeout(SOON)
        while data := self._receive():
            received += data
            self.socket.settimeout(0.2)
        status = re.match(rb"HTTP/1\.1 ([0-9]{3})", received)
        return int(status[1]) if status else None, received

    def drip(self):
        """Send one byte; tell whether the server still listens."""
        try:
            self.socket.send(b"a")
            self.socket.setblocking(False)
            return self.socket.recv(4096) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(SOON)

    def _receive(self):
        try:
            return self.socket.recv(65536)
        except OSError:
            return b""


@contextmanager
def crowd(api, *requests, size=CROWD, **kwargs):
    """Open so many connections, and begin the requests on them by turns."""
    with ExitStack() as exits:
        clients = [Client(api, **kwargs) for _ in range(size)]
        for client in clients:
            exits.enter_context(client.socket)
        for number, client in enumerate(clients):
            requests[number % len(requests)](client)
        yield clients
