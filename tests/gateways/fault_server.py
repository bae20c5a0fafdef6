"""A real server that misbehaves by script: what happens below HTTP cannot be mocked."""

import socket
import ssl
import struct
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.domain import clock


class FaultServer:
    """Takes connections on loopback, reads each request whole, and then does what `behave` says with the socket."""

    def __init__(self, behave, *, tls=None):
        self._behave = behave
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.requests = []
        #: Set by the test when a silent server may hang up.
        self.released = threading.Event()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}/signing-request-api"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with closing(connection):
                connection.settimeout(5)
                try:
                    spoken = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
                except OSError:
                    # The client hung up on our certificate.
                    continue
                with closing(spoken):
                    self.requests.append(_read_request(spoken))
                    self._behave(spoken, self)


def _read_request(connection):
    """Read a whole request; return what came when the other side stops before, or speaks no HTTP."""
    received = connection.recv(65536)
    while received[:1].isalpha() and not _is_whole(received):
        more = connection.recv(65536)
        if not more:
            break
        received += more
    return received


def _is_whole(received):
    head, end, body = received.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]) if end else {}
    return bool(end) and len(body) >= int(headers.get(b"content-length", 0))


def hang_up(connection, _server):
    """Close without a word."""


def reset(connection, _server):
    """Break the connection with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stay_silent(_connection, server):
    """Keep the connection open and never answer."""
    server.released.wait(timeout=10)


def say(raw):
    """Return a behaviour that writes these bytes and closes."""

    def behave(connection, _server):
        connection.sendall(raw)

    return behave


def self_signed(folder):
    """Return a TLS context whose certificate nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = clock.utcnow()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = folder / "chain.pem"
    chain.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


@contextmanager
def closed_port():
    """Give a port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]
