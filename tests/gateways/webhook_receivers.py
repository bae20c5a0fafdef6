"""Builders for the tests of the webhook gateway: requests, receivers and certificates."""

import contextlib
import ssl
import time
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.domain import clock
from app.domain.ports import WebhookRequest
from app.gateways.webhooks.guard import PublicAddressGuard
from app.gateways.webhooks.sender import HttpWebhookSender

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PREVIOUS_SECRET = "whsec_YWJjZGVmZ2hpamtsbW5vcGFiY2RlZmdoaWprbG1ub3A="
DELIVERY_ID = UUID("0193c2c3-3333-7aaa-8bbb-000000000003")
BODY = '{"event":"signature.signed","name":"Contrat signé"}'.encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#: Seconds; long enough for one exchange on loopback, short enough to wait for in a test.
LIMIT = 0.3
#: Seconds; a receiver that is not cut off goes on for far longer, and a busy machine takes far less.
AT_MOST = LIMIT + 2


def make_request(url, **overrides):
    request = {
        "url": url,
        "event": "signature.signed",
        "delivery_id": DELIVERY_ID,
        "body": BODY,
        "secrets": (SECRET,),
        "sent_at": clock.utcnow(),
    }
    return WebhookRequest(**{**request, **overrides})


def make_sender(*, timeout_seconds=5, tls=None, **guard):
    """Build a sender; it may go anywhere unless the guard's settings are given."""
    return HttpWebhookSender(
        guard=PublicAddressGuard(**(guard or {"allow_insecure": True})), timeout_seconds=timeout_seconds, tls=tls
    )


def received(server):
    """Return the only request that a server got: request line, headers with lower-case names, body."""
    (raw,) = server.requests
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def drip(beginning, piece, *, every=0.05):
    """Return a behaviour that never stops talking, and never says anything whole."""

    def behave(connection, server):
        # The other side hangs up on us: that is what the tests are about.
        with contextlib.suppress(OSError):
            connection.sendall(beginning)
            while not server.released.wait(every):
                connection.sendall(piece)

    return behave


def flood(head, *, megabytes):
    """Return a behaviour that answers with more than anybody asked for; the server counts what it got rid of."""

    def behave(connection, server):
        server.sent_bytes = 0
        with contextlib.suppress(OSError):
            connection.sendall(head)
            for _ in range(megabytes):
                connection.sendall(b"x" * 1024 * 1024)
                server.sent_bytes += 1024 * 1024

    return behave


def url_of(server, *, host="127.0.0.1"):
    """Return the server's address under a name."""
    parts = urlsplit(server.url)
    return f"{parts.scheme}://{host}:{parts.port}/hook?from=countersign"


class Stopwatch:
    """Measures real seconds."""

    def __init__(self):
        self._started = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self._started


def make_certificate(folder, *, name):
    """Return TLS contexts: of a server with a certificate for a name and 127.0.0.1, of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = clock.utcnow() - timedelta(hours=1)
    names = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = folder / "receiver.pem"
    trusted = certificate.public_bytes(serialization.Encoding.PEM)
    chain.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + trusted
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cadata=trusted.decode())
