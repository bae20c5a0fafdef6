"""Makes certificates to seal with, and authorities that put the time on seals."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from app.signer.seal import Sealer, open_sealer
from app.signer.seal_key import load_key

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
PASSPHRASE = "correct horse"


def make_p12(
    path: Path,
    *,
    passphrase: str | None = None,
    algorithm: str = "ec",
    issued_by_authority: bool = False,
    starts: datetime = NOW - timedelta(days=1),
    lifetime: timedelta = timedelta(days=3650),
    for_signatures: bool = True,
) -> Path:
    """Write a P12 file as an operator would bring it along."""
    key = _key(algorithm)
    authority = _key("ec") if issued_by_authority else None
    certificate = _certificate(
        "Example Ltd",
        key,
        issuer=("Example CA", authority) if authority else None,
        starts=starts,
        lifetime=lifetime,
        extension=_usage(for_signatures=for_signatures),
    )
    chain = None
    if authority:
        chain = [_certificate("Example CA", authority, starts=starts, lifetime=lifetime)]
    protection = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"seal", key, certificate, chain, protection))
    return path


def load_sealer(path: Path, passphrase: str | None = None, *, tsa_url: str | None = None) -> Sealer:
    """Open a P12 file to seal in this process, without the sandbox."""
    return open_sealer(load_key(path, passphrase), tsa_url)


def make_timestamper() -> DummyTimeStamper:
    """Make a time-stamping authority that works without a network."""
    key = _key("rsa")
    certificate = _certificate(
        "Example TSA",
        key,
        starts=NOW - timedelta(days=1),
        lifetime=timedelta(days=3650),
        extension=x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]),
    )
    return DummyTimeStamper(
        asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER)),
        keys.PrivateKeyInfo.load(
            key.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        ),
        fixed_dt=NOW,
    )


#: What an authority does with the nth request (from 1): a status and a body.
Answer = Callable[[int, bytes], tuple[int, bytes]]


def stamping(request: bytes, timestamper: DummyTimeStamper) -> bytes:
    """Answer a request properly (RFC 3161)."""
    return timestamper.request_tsa_response(tsp.TimeStampReq.load(request)).dump()


@contextmanager
def timestamp_server(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """Run an authority on localhost; yields its URL and the requests that it got."""
    requests: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answer(len(requests), requests[-1])
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply" if status == 200 else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _key(algorithm: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if algorithm == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _usage(*, for_signatures: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=for_signatures,
        content_commitment=for_signatures,
        key_encipherment=not for_signatures,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(name, key, *, starts, lifetime, issuer=None, extension=None) -> x509.Certificate:
    issuer_name, issuer_key = issuer or (name, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(starts + lifetime)
    )
    if extension:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
