"""What a service keeps, as backing up and restoring see it: rows, the files that they name, perhaps a key."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, MetaData, select

from app.domain.ports import FileStorage
from app.extensions import Base
from app.models import StoredFile
from app.schema import MIGRATIONS

#: The key of a file that a row names, and its SHA-256 where the row knows it.
NamedFile = tuple[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What one service keeps."""

    #: The name of its folder in a backup.
    name: str
    #: The setting that says where the database is.
    setting: str
    database_url: str
    metadata: MetaData
    migrations: Path
    storage: FileStorage
    named_files: Callable[[Connection], Iterator[NamedFile]]
    #: Where a secret key is, which new work needs.
    key_file: Path | None = None


def api_holding(database_url: str, storage: FileStorage) -> Holding:
    """Return what the API and the worker keep."""
    return Holding(
        name="countersign",
        setting="DATABASE_URL",
        database_url=database_url,
        metadata=Base.metadata,
        migrations=MIGRATIONS,
        storage=storage,
        named_files=_named_files,
    )


def _named_files(connection: Connection) -> Iterator[NamedFile]:
    files = select(StoredFile.key, StoredFile.sha256).where(StoredFile.erased_at.is_(None))
    for file in connection.execute(files):
        yield file.key, file.sha256
