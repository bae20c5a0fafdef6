"""Files: first durably in storage, then as a row."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.errors import StorageUnavailable
from app.domain.ports import FileStorage, SavedFile
from app.models import StoredFile

#: Seconds after which a caller may try again.
RETRY_AFTER = 5


def sha256(content: bytes) -> str:
    """Return the lower-case hex SHA-256 of the bytes."""
    return hashlib.sha256(content).hexdigest()


def save(storage: FileStorage, *, folder: str, content: bytes) -> SavedFile:
    """Store the bytes under a name made of their SHA-256, so that no two contents ever share a key.

    Raises StorageUnavailable when they cannot be stored.
    """
    with _using_storage():
        return storage.save(f"{folder}/{sha256(content)}.pdf", content)


def read(storage: FileStorage, key: str) -> bytes:
    """Return the whole file; raise FileNotFoundError when it is gone, StorageUnavailable when it cannot be read."""
    with _using_storage():
        return storage.read(key)


def open_file(storage: FileStorage, key: str) -> AbstractContextManager[BinaryIO]:
    """Open a file for reading; raise FileNotFoundError when it is gone, StorageUnavailable when it cannot be read."""
    with _using_storage():
        return storage.open(key)


def remove(storage: FileStorage, saved: SavedFile) -> None:
    """Remove what was saved and is of no use; raise StorageUnavailable when that cannot be done."""
    with _using_storage():
        storage.delete(saved.key)


def record(session: Session, saved: SavedFile) -> StoredFile:
    """Write the row of a saved file."""
    row = StoredFile(key=saved.key, sha256=saved.sha256, size=saved.size, created_at=clock.utcnow())
    session.add(row)
    return row


@contextmanager
def _using_storage() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise  # The storage works, and has no such file.
    except OSError as error:
        raise StorageUnavailable(
            "Files cannot be stored or read at the moment. Try again later.", retry_after=RETRY_AFTER
        ) from error
