"""Has documents sealed in a process of their own, in which the key is, and no other code that reads PDFs."""

from dataclasses import dataclass, field
from datetime import datetime

import structlog

from app.domain.errors import UnreadablePdf
from app.pdf.sandbox import Sandbox, SandboxError
from app.signer.seal_key import SealKey, fingerprint

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class SealedDocument:
    """A sealed PDF. `timestamped` tells whether an authority's time-stamp is inside; it is never only claimed."""

    content: bytes = field(repr=False)
    timestamped: bool
    fingerprint_sha256: str


@dataclass(frozen=True, kw_only=True)
class SandboxedSealer:
    """Seals with one key. Safe to share between threads."""

    sandbox: Sandbox
    key: SealKey
    tsa_url: str | None = None

    @property
    def fingerprint_sha256(self) -> str:
        """The certificate's SHA-256 fingerprint, lower-case hex."""
        return fingerprint(self.key.certificate)

    @property
    def is_self_signed(self) -> bool:
        """Whether nobody but the key itself vouches for its certificate."""
        return self.key.certificate.issuer == self.key.certificate.subject

    def seal(self, content: bytes, *, reason: str, signed_at: datetime) -> SealedDocument:
        """Seal a stamped document, as `app.signer.seal` does it.

        An authority that answers wrongly, or so slowly that the limits are met, costs the time-stamp and not the seal.
        Raises UnreadablePdf when the file cannot carry a seal, SandboxError when the result does not verify.
        """
        if self.tsa_url is not None:
            try:
                sealed = self._seal(content, reason, signed_at, self.tsa_url)
            except (UnreadablePdf, SandboxError) as error:
                log.warning("signer.seal.timestamp_failed", error=type(error).__name__)
            else:
                if not sealed.timestamped:
                    log.warning("signer.seal.timestamp_failed")
                return sealed
        return self._seal(content, reason, signed_at, None)

    def _seal(self, content: bytes, reason: str, signed_at: datetime, tsa_url: str | None) -> SealedDocument:
        sealed = self.sandbox.call(
            "app.signer.seal:seal",
            content=content,
            reason=reason,
            signed_at=signed_at.isoformat(),
            p12=self.key.p12,
            passphrase=self.key.passphrase,
            tsa_url=tsa_url,
        )
        return SealedDocument(
            content=sealed["content"], timestamped=sealed["timestamped"], fingerprint_sha256=self.fingerprint_sha256
        )
