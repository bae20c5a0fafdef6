"""Pages of the documents as pictures and as text, made once and then kept."""

import json
from collections.abc import Callable, Sequence

from app.domain.ports import FileStorage
from app.signer.models import Envelope

#: Sharp enough to read on a phone that shows two pixels for one; about 30 kB for a page of text.
DOTS_PER_INCH = 110


class PageImages:
    """Page images of envelopes. `render(content, page=, dpi=)` draws one as PNG."""

    def __init__(self, *, storage: FileStorage, render: Callable[..., bytes]) -> None:
        self._storage = storage
        self._render = render

    def get(self, envelope: Envelope, page: int) -> bytes:
        """Return a page, counted from 1, as PNG."""
        # The document's digest is in the key, so that a picture can only ever be of this document.
        key = f"pages/{envelope.document_sha256}/{page}-{DOTS_PER_INCH}.png"
        try:
            return self._storage.read(key)
        except FileNotFoundError:
            image = self._render(self._storage.read(envelope.document_key), page=page, dpi=DOTS_PER_INCH)
            self._storage.save(key, image)
            return image


class PageTexts:
    """What stands on the pages, for those who cannot see the pictures. `read(content)` returns each page's text."""

    def __init__(self, *, storage: FileStorage, read: Callable[[bytes], Sequence[str]]) -> None:
        self._storage = storage
        self._read = read

    def get(self, envelope: Envelope) -> bytes:
        """Return the texts of all pages as a JSON array in UTF-8."""
        key = f"pages/{envelope.document_sha256}/texts.json"
        try:
            return self._storage.read(key)
        except FileNotFoundError:
            texts = self._read(self._storage.read(envelope.document_key))
            content = json.dumps(list(texts), ensure_ascii=False).encode("utf-8", "replace")
            self._storage.save(key, content)
            return content
