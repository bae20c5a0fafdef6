"""PDFs, and where files are kept."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO, Protocol


@dataclass(frozen=True, kw_only=True)
class PageSize:
    """A page as displayed: crop box, rotation and user unit applied; in points (1/72 inch)."""

    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class PdfReport:
    """What an accepted PDF holds."""

    pages: tuple[PageSize, ...]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle on a page: percent (0-100) of the displayed page, origin top-left; `page` counts from 1."""

    page: int
    x: float
    y: float
    width: float
    height: float


class PdfInspector(Protocol):
    """Looks into PDFs without ever letting one hurt this process."""

    def inspect(self, content: bytes) -> PdfReport:
        """Return what the PDF holds; raise UnreadablePdf when it cannot be signed faithfully."""

    def locate(self, content: bytes, texts: Sequence[str]) -> Mapping[str, tuple[Box, ...]]:
        """Return every place of each literal, case-sensitive text, in reading order; absent texts map to ()."""

    def count_pages(self, content: bytes) -> int:
        """Return how many pages a PDF has that need not be signable (a sealed one, say); raise UnreadablePdf."""


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """What a storage says of a file that it now holds durably. `sha256` is lower-case hex; `size` is bytes."""

    key: str
    sha256: str
    size: int


class FileStorage(Protocol):
    """Keeps whole files under keys such as `renders/<id>/<sha256>.pdf`."""

    def save(self, key: str, content: bytes) -> SavedFile:
        """Store the bytes durably (they survive a power cut once this returns) and whole, or not at all."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open a stored file for reading, seekable; raise FileNotFoundError when there is none."""

    def read(self, key: str) -> bytes:
        """Return the whole file; raise FileNotFoundError when there is none."""

    def delete(self, key: str) -> None:
        """Remove the file; a missing one is fine."""

    def remove_leftovers(self, *, older_than: timedelta) -> int:
        """Remove what interrupted saves have left, if it is older than any save takes; return how many files."""

    def check(self) -> None:
        """Raise OSError, with a sentence, when nothing can be stored now."""
