"""Files behind the signing service's signed URLs, fetched and uploaded without our API key."""

from collections.abc import Callable
from urllib.parse import urlsplit

from app.domain.errors import FileNotReady, ProviderUnavailable
from app.gateways.signing.transport import Transport

_FILE_LIMIT_BYTES = 100 * 1024 * 1024
#: A whole file may take this long as long as bytes keep coming; a signed URL lives for an hour.
_FILE_SECONDS = 300
_ERROR_BODY_LIMIT_BYTES = 64 * 1024
#: A signed URL answers one of these once its time or its use is up, depending on who keeps the files.
_EXPIRED = frozenset({400, 401, 403, 404, 410})


class SignedLinks:
    """Reads and writes files at URLs that carry their own permission."""

    def __init__(self, *, schemes: frozenset[str], connect_timeout: float, read_timeout: float) -> None:
        self._schemes = schemes
        self._read_timeout = read_timeout
        self._transport = Transport(connect_timeout=connect_timeout, headers={})

    def fetch_pdf(self, fresh_url: Callable[[], str], *, operation: str) -> bytes:
        """Return the PDF behind a URL; when that has expired, ask for a fresh one, once.

        Raises ProviderUnavailable for anything that is not a whole PDF of at most 100 MiB.
        """
        content = self._fetch(fresh_url(), operation) or self._fetch(fresh_url(), operation)
        if content is None:
            raise ProviderUnavailable(
                "The signing service's link to the file does not work.", operation=operation, may_have_acted=False
            )
        return content

    def upload_pdf(self, url: str, content: bytes, *, operation: str) -> None:
        """Put a PDF to a URL that takes it once."""
        self._require_safe(url, operation)
        answer = self._transport.exchange(
            "PUT",
            url,
            operation=operation,
            read_timeout=self._read_timeout,
            limit=_ERROR_BODY_LIMIT_BYTES,
            body_seconds=self._read_timeout,
            data=content,
            headers={"Content-Type": "application/pdf"},
        )
        if not answer.ok:
            raise ProviderUnavailable(
                "The signing service did not take the document.",
                operation=operation,
                may_have_acted=False,
                status=answer.status,
                retry_after=answer.retry_after,
            )

    def close(self) -> None:
        """Close the connections of this thread."""
        self._transport.close()

    def _fetch(self, url: str, operation: str) -> bytes | None:
        """Return the PDF, or None when the link is no longer good."""
        self._require_safe(url, operation)
        answer = self._transport.exchange(
            "GET",
            url,
            operation=operation,
            read_timeout=self._read_timeout,
            limit=_FILE_LIMIT_BYTES,
            body_seconds=_FILE_SECONDS,
        )
        if answer.status in _EXPIRED:
            return None
        if answer.status == 503:  # noqa: PLR2004 (RFC 9110 section 15.6.4)
            raise FileNotReady(
                "The file is not ready yet.", operation=operation, status=503, retry_after=answer.retry_after
            )
        if answer.status != 200 or answer.body is None or not answer.body.startswith(b"%PDF-"):  # noqa: PLR2004 (RFC 9110 section 15.3.1)
            raise ProviderUnavailable(
                "The signing service gave no whole PDF of at most 100 MiB.",
                operation=operation,
                may_have_acted=False,
                status=answer.status,
            )
        return answer.body

    def _require_safe(self, url: str, operation: str) -> None:
        """Refuse a link that would send a document over an unprotected line, or that makes no sense."""
        try:
            parts = urlsplit(url)
            sane = parts.scheme in self._schemes and bool(parts.hostname) and parts.username is None
        except ValueError:
            sane = False
        if not sane:
            raise ProviderUnavailable(
                "The signing service's link to the file is not acceptable.", operation=operation, may_have_acted=False
            )
