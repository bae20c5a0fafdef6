"""The key that seals: a PKCS #12 file, made where there is none, and refused where it cannot seal."""

import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from app.domain import clock

NAME = "Countersign seal"
_LIFETIME = timedelta(days=3652)  # ten years

_SIGNATURES_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=True,  # called nonRepudiation in older texts
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


class UnusableCertificate(ValueError):
    """The P12 file cannot seal; the message says why, in one sentence without secrets."""


@dataclass(frozen=True, kw_only=True)
class SealKey:
    """A P12 file as it was read, and what opens it."""

    p12: bytes = field(repr=False)
    passphrase: str | None = field(repr=False)
    certificate: x509.Certificate


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint in lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def load_key(path: Path, passphrase: str | None = None) -> SealKey:
    """Open the P12 file; raise UnusableCertificate when it is missing, locked, expired or not made for sealing."""
    try:
        p12 = path.read_bytes()
        key, certificate, _ = pkcs12.load_key_and_certificates(p12, passphrase.encode() if passphrase else None)
    except OSError as error:
        raise UnusableCertificate(f"The seal's certificate {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UnusableCertificate(f"{path} is not a P12 file, or the passphrase is wrong.") from error
    if key is None or certificate is None:
        raise UnusableCertificate(f"{path} lacks the private key or its certificate.")
    if not certificate.not_valid_before_utc <= clock.utcnow() <= certificate.not_valid_after_utc:
        raise UnusableCertificate(f"The seal's certificate {path} is not valid today.")
    if not _may_sign(certificate):
        raise UnusableCertificate(f"The certificate in {path} is not made for signatures (its key usage says so).")
    return SealKey(p12=p12, passphrase=passphrase, certificate=certificate)


def ensure_certificate(path: Path, passphrase: str | None = None) -> None:
    """Make a self-signed certificate where there is none, readable by the owner only, and its public half as PEM.

    Processes that start together end up with the same one: a file appears under its name whole and once.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_once(path, _new_p12(clock.utcnow(), passphrase), mode=0o600)
    public = path.with_suffix(".pem")
    if not public.exists():
        certificate = load_key(path, passphrase).certificate
        _create_once(public, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True  # no restriction (RFC 5280, 4.2.1.3)
    return usage.digital_signature or usage.content_commitment


def _new_p12(now: datetime, passphrase: str | None) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_SIGNATURES_ONLY, critical=True)
        .sign(key, hashes.SHA256())
    )
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    return pkcs12.serialize_key_and_certificates(NAME.encode(), key, certificate, None, protection)


def _create_once(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file durably under its name unless somebody else was faster."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
