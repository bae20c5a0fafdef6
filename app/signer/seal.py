"""Seals finished documents: one PAdES signature, certified "no changes", the last thing ever done to a file.

Runs in a sandbox (`app.signer.sealer`): pyHanko is large, and what it reads was written by strangers.
"""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper

from app.domain.errors import UnreadablePdf
from app.signer.seal_key import NAME, SealKey, fingerprint
from app.signer.seal_writer import UNSEALABLE, SealWriter
from app.signer.sealer import SealedDocument
from app.signer.verification import verify

FIELD_NAME = "Seal"
_TSA_TIMEOUT = 5  # seconds for each try
#: What a seal holds beside certificates: an RSA signature of 8192 bits takes 1024, the attributes a few hundred.
_SIGNATURE_BYTES = 4096


class SealFailed(RuntimeError):
    """A seal was made that does not verify. Nothing of it may be delivered."""


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
            except (TimestampRequestError, SealFailed):
                pass  # The answer says that there is none.
        return self._checked(self._sign(content, reason, signed_at, None))

    def _sign(self, content: bytes, reason: str, signed_at: datetime, authority: "_TimeStamper | None") -> bytes:
        metadata = PdfSignatureMetadata(
            field_name=FIELD_NAME,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
            reason=reason,
            name=NAME,
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


def seal(  # noqa: PLR0913 (what the sandbox's wire can carry)
    content: bytes, *, reason: str, signed_at: str, p12: bytes, passphrase: str | None, tsa_url: str | None
) -> dict[str, Any]:
    """Seal a document in a process of its own, for `app.signer.sealer`; raises what `Sealer.seal` does."""
    sealed = _keep_open(p12, passphrase, tsa_url).seal(
        content, reason=reason, signed_at=datetime.fromisoformat(signed_at)
    )
    return {"content": sealed.content, "timestamped": sealed.timestamped}


@lru_cache(maxsize=1)
def _keep_open(p12: bytes, passphrase: str | None, tsa_url: str | None) -> Sealer:
    """Open the key once for many seals: a passphrase takes long on purpose."""
    _, certificate, _ = pkcs12.load_key_and_certificates(p12, passphrase.encode() if passphrase else None)
    if certificate is None:
        raise ValueError("the key was looked at before, and had a certificate")
    return open_sealer(SealKey(p12=p12, passphrase=passphrase, certificate=certificate), tsa_url)


def open_sealer(key: SealKey, tsa_url: str | None) -> Sealer:
    """Return what seals with a key that can be used."""
    secret = key.passphrase.encode() if key.passphrase else None
    signer = SimpleSigner.load_pkcs12_data(key.p12, other_certs=(), passphrase=secret)
    return Sealer(signer=signer, certificate=key.certificate, tsa_url=tsa_url)
