"""Addresses under which a file can be fetched for a while without an API key (provider fact sheet, section 11)."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain import clock
from app.domain.errors import NotFound

ONE_HOUR = timedelta(hours=1)
#: How long a link in a mail lasts; the mail with the final copy cannot be refreshed.
MAIL_LIFETIME = timedelta(days=30)


class FileKind(StrEnum):
    """Which file of an envelope."""

    SOURCE = "source"
    SIGNED = "signed"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, kw_only=True)
class FileLink:
    """An address and the time until which it works."""

    url: str
    expires_at: datetime


class FileLinks:
    """Makes and reads the addresses. Everything they say is in them; the HMAC keeps it true."""

    def __init__(self, *, key: bytes, public_url: str) -> None:
        self._key = key
        self._public_url = public_url

    def make(self, envelope_id: UUID, kind: FileKind, *, lifetime: timedelta = ONE_HOUR) -> FileLink:
        """Return an address that works for `lifetime` from now."""
        expires_at = clock.utcnow() + lifetime
        claim = f"{kind}.{envelope_id.hex}.{int(expires_at.timestamp())}"
        return FileLink(url=f"{self._public_url}/files/{claim}.{self._sign(claim)}", expires_at=expires_at)

    def read(self, token: str) -> tuple[UUID, FileKind]:
        """Return which file the last part of an address stands for; raise NotFound if it is forged or too old."""
        claim, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(claim).encode(), signature.encode("utf-8", "surrogatepass")):
            raise NotFound("There is no such file.")
        kind, envelope_id, expires = claim.split(".")
        if datetime.fromtimestamp(int(expires), UTC) <= clock.utcnow():
            raise NotFound("This address has expired.")
        return UUID(envelope_id), FileKind(kind)

    def _sign(self, claim: str) -> str:
        return hmac.digest(self._key, claim.encode("utf-8", "surrogatepass"), "sha256").hex()
