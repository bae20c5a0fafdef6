"""Files in a folder of this machine, written so that a power cut leaves the whole file or none."""

import hashlib
import os
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from app.domain import clock, turns
from app.domain.ids import new_id
from app.domain.ports import SavedFile
from app.gateways.storage.keys import parts_of

#: No key has such a name: a part of a key does not start with a dot.
_TEMPORARY = ".{}.part"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class LocalStorage:
    """`FileStorage` below one folder, which is made when the first file is saved."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def save(self, key: str, content: bytes) -> SavedFile:
        """Store durably under a key, replacing what was there; raise OSError, leaving nothing, when it cannot.

        Written beside its place, flushed, renamed, and the folders flushed: POSIX promises the rename to be atomic,
        and only a flushed folder to remember it. Raises ValueError for a key that is no relative path of plain names.
        """
        path = self._path(key)
        with turns.given_up():
            self._make_folder(path.parent)
            temporary = _temporary_beside(path)
            try:
                _write_durably(temporary, content)
                temporary.replace(path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink()
                raise
            self._flush_folders(path.parent)
        return SavedFile(key=key, sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open for reading, seekable; raise FileNotFoundError when there is none."""
        return self._path(key).open("rb")

    def read(self, key: str) -> bytes:
        """Return the whole file; raise FileNotFoundError when there is none."""
        return self._path(key).read_bytes()

    def delete(self, key: str) -> None:
        """Remove the file; a missing one is fine."""
        path = self._path(key)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        _flush_folder(path.parent)

    def remove_leftovers(self, *, older_than: timedelta) -> int:
        """Remove files under temporary names: what a save that was killed has written. Reads every folder."""
        oldest = (clock.utcnow() - older_than).timestamp()
        removed = 0
        for path in self._root.rglob(_TEMPORARY.format("*")):
            with suppress(FileNotFoundError):  # Its save has come to an end meanwhile.
                if path.stat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
        return removed

    def check(self) -> None:
        """Write a few bytes and remove them again; raise OSError with a sentence when that fails."""
        try:
            self._make_folder(self._root)
            probe = _temporary_beside(self._root / "check")
            try:
                _write_durably(probe, b"check")
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            raise OSError(f"The storage folder cannot be written to: {reason}.") from error

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*parts_of(key))

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, each flushed into the one that holds it."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        # Another process may make it first; its flush may still be pending, which `_flush_folders` makes up for.
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        _flush_folder(folder.parent)

    def _flush_folders(self, folder: Path) -> None:
        """Flush from a folder up to the root."""
        _flush_folder(folder)
        if folder != self._root:
            self._flush_folders(folder.parent)


def _temporary_beside(path: Path) -> Path:
    return path.with_name(_TEMPORARY.format(new_id()))


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    try:
        remaining = memoryview(content)
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
