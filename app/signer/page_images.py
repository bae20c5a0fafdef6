"""Pages of the documents as pictures, drawn once and then kept."""

from collections.abc import Callable

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
