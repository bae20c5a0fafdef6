"""Pages of the documents as pictures and as text, made once and then kept."""

import json
from collections.abc import Callable, Sequence

from app.domain.ports import FileStorage
from app.signer.showing import ShownDocument

#: Sharp enough to read on a phone that shows two pixels for one; about 30 kB for a page of text.
DOTS_PER_INCH = 110


def page_key(sha256: str, page: int) -> str:
    """Return where the picture of a page is kept; the document's digest makes sure that it is of no other one."""
    return f"pages/{sha256}/{page}-{DOTS_PER_INCH}.png"


def texts_key(sha256: str) -> str:
    """Return where the texts of a document's pages are kept."""
    return f"pages/{sha256}/texts.json"


class PageImages:
    """Page images of documents. `render(content, page=, dpi=)` draws one as PNG."""

    def __init__(self, *, storage: FileStorage, render: Callable[..., bytes]) -> None:
        self._storage = storage
        self._render = render

    def get(self, document: ShownDocument, page: int) -> bytes:
        """Return a page, counted from 1, as PNG."""
        image = self.kept(document, page)
        if image is None:
            image = self._render(self._storage.read(document.key), page=page, dpi=DOTS_PER_INCH)
            self._storage.save(page_key(document.sha256, page), image)
        return image

    def kept(self, document: ShownDocument, page: int) -> bytes | None:
        """Return a page if it has been drawn before; of pages that do not exist none has."""
        try:
            return self._storage.read(page_key(document.sha256, page))
        except FileNotFoundError:
            return None


class PageTexts:
    """What stands on the pages, for those who cannot see the pictures. `read(content)` returns each page's text."""

    def __init__(self, *, storage: FileStorage, read: Callable[[bytes], Sequence[str]]) -> None:
        self._storage = storage
        self._read = read

    def get(self, document: ShownDocument) -> bytes:
        """Return the texts of all pages as a JSON array in UTF-8."""
        key = texts_key(document.sha256)
        try:
            return self._storage.read(key)
        except FileNotFoundError:
            texts = self._read(self._storage.read(document.key))
            content = json.dumps(list(texts), ensure_ascii=False).encode("utf-8", "replace")
            self._storage.save(key, content)
            return content
