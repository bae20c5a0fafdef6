"""Seals finished documents: one PAdES signature, certified "no changes", the last thing ever done to a file."""

import io
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper

from app.domain import clock
from app.domain.errors import UnreadablePdf
from app.signer.seal_writer import UNSEALABLE, SealWriter
from app.signer.verification import fingerprint, verify

_log = structlog.get_logger(__name__)

FIELD_NAME = "Seal"
_NAME = "Countersign seal"
_LIFETIME = timedelta(days=3652)  # ten years
_TSA_TIMEOUT = 5  # seconds for each try
#: What a seal holds beside certificates: an RSA signature of 8192 bits takes 1024, the attributes a few hundred.
_SIGNATURE_BYTES = 4096


class UnusableCertificate(ValueError):
    """The P12 file cannot seal; the message says why, in one sentence without secrets."""


class SealFailed(RuntimeError):
    """A seal was made that does not verify. Nothing of it may be delivered."""


@dataclass(frozen=True, kw_only=True)
class SealedDocument:
    """A sealed PDF. `timestamped` tells whether an authority's time-stamp is inside; it is never only claimed."""

    content: bytes = field(repr=False)
    timestamped: bool
    fingerprint_sha256: str


@dataclass(frozen=True, kw_only=True)
class Sealer:
    """Seals with one certificate. Safe to share between threads."""

    signer: SimpleSigner = field(repr=False)
    certificate: x509.Certificate
    tsa_url: str | None = None

    @property
    def fingerprint_sha256(self) -> str:
        """The certificate's SHA-256 fingerprint, lower-case hex."""
        return fingerprint(self.certificate)

    def seal(self, content: bytes, *, reason: str, signed_at: datetime) -> SealedDocument:
        """Seal a stamped document (PAdES B-B, or B-T with a time-stamping authority; ETSI EN 319 142-1).

        An authority that does not answer twice costs the time-stamp, not the seal. Raises UnreadablePdf when the file
        cannot carry a seal, SealFailed when the result does not verify.
        """
        if self.tsa_url is not None:
            try:
                return self._checked(self._sign(content, reason, signed_at, _TimeStamper(self.tsa_url)))
            except (TimestampRequestError, SealFailed) as error:
                _log.warning("signer.seal.timestamp_failed", error=type(error).__name__)
        return self._checked(self._sign(content, reason, signed_at, None))

    def _sign(self, content: bytes, reason: str, signed_at: datetime, authority: "_TimeStamper | None") -> bytes:
        metadata = PdfSignatureMetadata(
            field_name=FIELD_NAME,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
            reason=reason,
            name=_NAME,
        )
        output = io.BytesIO()
        try:
            writer = SealWriter(content)
            signer = _DatedSigner(metadata, self.signer, timestamper=authority)
            signer.signed_at = signed_at.astimezone(UTC)
            # Unless told, pyHanko signs twice, the first time to see how large it gets. How large an authority's
            # token is cannot be told beforehand.
            signer.sign_pdf(writer, output=output, bytes_reserved=None if authority else self._digits)
        except UNSEALABLE as error:
            raise UnreadablePdf("The PDF cannot be sealed.") from error
        return output.getvalue()

    @property
    def _digits(self) -> int:
        """How many hexadecimal digits a seal without a time-stamp takes at the most: its certificates and the rest."""
        certificates = [self.signer.signing_cert, *self.signer.cert_registry]
        return 2 * (sum(len(one.dump()) for one in certificates) + _SIGNATURE_BYTES)

    def _checked(self, sealed: bytes) -> SealedDocument:
        verdict = verify(sealed, trusted=self.certificate)
        if not verdict.ok:
            raise SealFailed(" ".join(verdict.sentences()))
        return SealedDocument(
            content=sealed, timestamped=verdict.timestamped, fingerprint_sha256=self.fingerprint_sha256
        )


class _DatedSigner(PdfSigner):
    """A signer that writes the time it is given; pyHanko would write the machine's local time."""

    signed_at: datetime

    def init_signing_session(self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self.signed_at
        return session


class _TimeStamper(RequestsHTTPTimeStamper):
    """Asks the authority (RFC 3161) and, after a failure, once more."""

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout=_TSA_TIMEOUT)  # type: ignore[no-untyped-call]

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """Return the authority's token; raise TimestampRequestError when it gives none that can be read."""
        try:
            return await self._ask(message_digest, md_algorithm)
        except TimestampRequestError:
            return await self._ask(message_digest, md_algorithm)

    async def _ask(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        try:
            token = await super().async_timestamp(message_digest, md_algorithm)
            token.native  # noqa: B018 (asn1crypto parses late, and then it is too late)
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # what it raises for answers out of shape
            raise TimestampRequestError("The answer is not a time-stamp.") from error
        return token


def load_sealer(path: Path, passphrase: str | None = None, *, tsa_url: str | None = None) -> Sealer:
    """Open the P12 file; raise UnusableCertificate when it is missing, locked, expired or not made for sealing."""
    secret = passphrase.encode() if passphrase else None
    try:
        content = path.read_bytes()
        key, certificate, _ = pkcs12.load_key_and_certificates(content, secret)
    except OSError as error:
        raise UnusableCertificate(f"The seal's certificate {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UnusableCertificate(f"{path} is not a P12 file, or its passphrase is another one.") from error
    if key is None or certificate is None:
        raise UnusableCertificate(f"{path} lacks the private key or its certificate.")
    if not certificate.not_valid_before_utc <= clock.utcnow() <= certificate.not_valid_after_utc:
        raise UnusableCertificate(f"The seal's certificate {path} is not valid today.")
    if not _may_sign(certificate):
        raise UnusableCertificate(f"The certificate in {path} is not made for signatures (its key usage says so).")
    signer = SimpleSigner.load_pkcs12_data(content, other_certs=(), passphrase=secret)
    return Sealer(signer=signer, certificate=certificate, tsa_url=tsa_url)


def ensure_certificate(path: Path, passphrase: str | None = None) -> None:
    """Make a self-signed certificate where there is none, readable by the owner only, and its public half as PEM.

    Processes that start together end up with the same one: a file appears under its name whole and once.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_once(path, _new_p12(clock.utcnow(), passphrase), mode=0o600)
    public = path.with_suffix(".pem")
    if not public.exists():
        certificate = load_sealer(path, passphrase).certificate
        _create_once(public, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True  # no restriction (RFC 5280, 4.2.1.3)
    return usage.digital_signature or usage.content_commitment


def _new_p12(now: datetime, passphrase: str | None) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
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
        .sign(key, SHA256())
    )
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    return pkcs12.serialize_key_and_certificates(_NAME.encode(), key, certificate, None, protection)


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
