"""Files: first durably in storage, then as a row."""

import hashlib

from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.ports import FileStorage, SavedFile
from app.models import StoredFile


def sha256(content: bytes) -> str:
    """Return the lower-case hex SHA-256 of the bytes."""
    return hashlib.sha256(content).hexdigest()


def save(storage: FileStorage, *, folder: str, content: bytes) -> SavedFile:
    """Store the bytes under a name made of their SHA-256, so that no two contents ever share a key.

    Raises OSError when they cannot be stored; then nothing is.
    """
    return storage.save(f"{folder}/{sha256(content)}.pdf", content)


def record(session: Session, saved: SavedFile) -> StoredFile:
    """Write the row of a saved file."""
    row = StoredFile(key=saved.key, sha256=saved.sha256, size=saved.size, created_at=clock.utcnow())
    session.add(row)
    return row
