"""A file elsewhere, read in ranges: only what is asked for travels, and little of it is held in memory."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Bytes. A first look is small; who reads on gets twice as much each time, up to the largest.
FIRST_BLOCK = 64 * 1024
LARGEST_BLOCK = 2 * 1024 * 1024

#: Returns the bytes from a position on, at most so many, and the size of the whole file; raises OSError.
Fetch = Callable[[int, int], tuple[bytes, int]]


class RangedFile(io.RawIOBase):
    """A seekable file, fetched block by block as it is read.

    No answer of the server stays open between two blocks: a slow reader would make it give up in the middle.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._position = 0
        self._start = 0
        self._length = FIRST_BLOCK
        self._block, self._size = fetch(0, FIRST_BLOCK)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, which may lie behind the end; raise ValueError for one before the beginning."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError("There is nothing before the beginning of a file.")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read into the buffer what the block at hand holds, or else the next one; return how many bytes."""
        if self._position >= self._size:
            return 0
        if not self._start <= self._position < self._start + len(self._block):
            self._load()
        view = memoryview(buffer).cast("B")
        offset = self._position - self._start
        part = self._block[offset : offset + len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _load(self) -> None:
        reads_on = self._position == self._start + len(self._block)
        self._length = min(2 * self._length, LARGEST_BLOCK) if reads_on else FIRST_BLOCK
        self._start = self._position
        self._block = b""  # Let go first: two blocks need never be held.
        self._block, _ = self._fetch(self._start, self._length)
