"""What a backup is on disk, and whether one is whole.

manifest.json            when it was made, by which version; for each database its version and the rows of each table
SHA256SUMS               the digest of every other file, as `sha256sum -c` reads it; written last
<holding>/database.db    SQLite, whatever the database itself is
<holding>/files/<key>    the files that rows name
<holding>/seal.p12       the key that seals, of the signing service
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, func, inspect, select, table
from sqlalchemy.exc import DatabaseError

from app.domain.errors import CountersignError
from app.domain.ports import FileStorage
from app.schema import VERSION_TABLE

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
FORMAT = 1


class BrokenBackup(CountersignError):
    """A backup is not what was backed up; the message names the file."""


class DamagedDatabase(CountersignError):
    """A SQLite file contradicts itself."""


@dataclass(frozen=True, kw_only=True)
class DatabaseFacts:
    """What is in a database: the version of its tables, and how many rows each has."""

    revision: str | None
    rows: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself."""

    made_at: str
    program: str
    databases: Mapping[str, DatabaseFacts]
    #: Files that rows name but storage had lost, and how.
    lost: Mapping[str, str]

    def to_json(self) -> bytes:
        """Return the content of `manifest.json`."""
        return json.dumps({"format": FORMAT} | asdict(self), indent=2).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Manifest":
        """Read it; raise BrokenBackup when it is of a later program."""
        given: dict[str, Any] = json.loads(content)
        if given.pop("format") != FORMAT:
            raise BrokenBackup(f"{MANIFEST} is of a newer version of this program, {given.get('program')}.")
        databases = {name: DatabaseFacts(**facts) for name, facts in given.pop("databases").items()}
        return cls(databases=databases, **given)


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup that is whole: what it says of itself, and the SHA-256 of each of its files by name."""

    manifest: Manifest
    sums: Mapping[str, str]


def database_name(holding: str) -> str:
    """Return the name of a holding's database in a backup."""
    return f"{holding}/database.db"


def file_name(holding: str, key: str) -> str:
    """Return the name of a stored file in a backup."""
    return f"{holding}/files/{key}"


def key_name(holding: str) -> str:
    """Return the name of a holding's secret key in a backup."""
    return f"{holding}/seal.p12"


def write_sums(archive: FileStorage, sums: Mapping[str, str]) -> None:
    """Finish a backup: what has no sums was never finished."""
    archive.save(SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode())


def read_backup(folder: Path, archive: FileStorage) -> Backup:
    """Check every digest and every count of a backup; raise BrokenBackup for the first that is wrong."""
    sums = _read_sums(archive)
    for name, expected in sums.items():
        try:
            found = digest(archive, name)
        except FileNotFoundError:
            raise BrokenBackup(f"{name} is missing from the backup.") from None
        except ValueError:
            raise BrokenBackup(f"{SUMS} is damaged: it lists {name!r}.") from None
        if found != expected:
            raise BrokenBackup(f"{name} is not what was backed up: it has another SHA-256 than {SUMS} says.")
    if MANIFEST not in sums:
        raise BrokenBackup(f"{SUMS} is damaged: it does not list {MANIFEST}.")
    manifest = Manifest.from_json(archive.read(MANIFEST))
    for holding, facts in manifest.databases.items():
        _check_database(folder, database_name(holding), facts, sums)
    return Backup(manifest=manifest, sums=sums)


def digest(storage: FileStorage, key: str) -> str:
    """Return the SHA-256 of a stored file, lower-case hex; raise FileNotFoundError when there is none."""
    with storage.open(key) as file:
        return file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # BinaryIO is what it reads


@contextmanager
def reading(file: Path) -> Iterator[Connection]:
    """Read a SQLite file that nobody writes to, leaving nothing beside it."""
    address = f"{file.absolute().as_uri()}?immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def examine(file: Path) -> DatabaseFacts:
    """Return what is in a SQLite file that nobody writes to; raise DamagedDatabase when it contradicts itself."""
    try:
        with reading(file) as connection:
            verdict = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if verdict != "ok":
                raise DamagedDatabase(f"SQLite finds it damaged: {verdict}.")
            if orphan := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise DamagedDatabase(f"A row of its table {orphan[0]} points to nothing.")
            names = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
            rows = {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}
            revision = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()  # noqa: S608 (a constant)
    except DatabaseError as error:
        raise DamagedDatabase(f"SQLite cannot read it: {error.orig}.") from error
    return DatabaseFacts(revision=revision, rows=rows)


def _read_sums(archive: FileStorage) -> Mapping[str, str]:
    try:
        lines = archive.read(SUMS).decode().splitlines()
    except FileNotFoundError:
        raise BrokenBackup(f"There is no {SUMS} in it: it is not a backup, or was never finished.") from None
    except UnicodeDecodeError:
        raise BrokenBackup(f"{SUMS} is damaged: it is not text.") from None
    sums = {}
    for line in lines:
        expected, separator, name = line.partition("  ")
        if not separator:
            raise BrokenBackup(f"{SUMS} is damaged: {line!r}.")
        sums[name] = expected
    return sums


def _check_database(folder: Path, name: str, facts: DatabaseFacts, sums: Mapping[str, str]) -> None:
    if name not in sums:
        raise BrokenBackup(f"{SUMS} is damaged: it does not list {name}.")
    try:
        found = examine(folder / name)
    except DamagedDatabase as error:
        raise BrokenBackup(f"{name} is damaged: {error}") from error
    if found != facts:
        raise BrokenBackup(f"{name} does not hold the rows that {MANIFEST} counts.")
