"""From the setting to the storage."""

from pathlib import Path

from app.domain.ports import FileStorage
from app.gateways.storage.local import LocalStorage


def open_storage(url: str) -> FileStorage:
    """Return the storage that a URL names: `file:<path>`, relative to the working directory unless it starts with /.

    Raises ValueError with one sentence for anything else; nothing is read or written yet.
    """
    scheme, _, path = url.partition(":")
    if scheme != "file" or not path:
        raise ValueError("The storage URL must be file:<path>.")
    if path.startswith("//"):
        path = path.removeprefix("//")
        if not path.startswith("/"):
            raise ValueError("The storage URL must not name a host; write file:<path>.")
    return LocalStorage(Path(path))
