"""Backing up while everything runs: databases first, then the files that their rows name.

A file is stored before the row that names it and removed after it. So whatever a snapshot names is there, or was purged
since; then a new snapshot no longer names it. The signing service comes after the API: of every request in the one
snapshot there is the envelope in the other.
"""

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from app.domain import clock
from app.domain.errors import CountersignError
from app.domain.ports import FileStorage
from app.extensions import open_engine
from app.migration import upgrade
from app.services import backup_format, copying
from app.services.backup_format import Backup, DamagedDatabase, DatabaseFacts, Manifest
from app.services.copying import Report
from app.services.holdings import Holding

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class CannotBackUp(CountersignError):
    """There is no backup; the message says why."""


@dataclass(kw_only=True)
class _Draft:
    """A backup in the making."""

    folder: Path
    archive: FileStorage
    report: Report
    #: The SHA-256 of each stored file that is copied already.
    files: dict[str, str] = field(default_factory=dict)


def make(folder: Path, holdings: Sequence[Holding], *, archive: FileStorage, program: str, report: Report) -> Backup:
    """Back up the holdings, in this order, into a folder that is empty or not there; `archive` stores below it.

    Raises CannotBackUp, or OSError when it cannot be written; then nothing is left of it. A backup that was killed
    lacks its SHA256SUMS.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotBackUp(f"{folder} is not empty: a backup needs a folder of its own, which it makes.")
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    try:
        return _fill(_Draft(folder=folder, archive=archive, report=report), holdings, program)
    except BaseException:
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        raise


def _fill(draft: _Draft, holdings: Sequence[Holding], program: str) -> Backup:
    made_at = clock.utcnow().isoformat(timespec="seconds")
    databases, lost = _copy_everything(draft, holdings)
    sums = dict(draft.files)
    for holding in holdings:
        name = backup_format.database_name(holding.name)
        sums[name] = backup_format.digest(draft.archive, name)
        if holding.key_file is not None and holding.key_file.is_file():
            name = backup_format.key_name(holding.name)
            sums[name] = draft.archive.save(name, holding.key_file.read_bytes()).sha256
    manifest = Manifest(made_at=made_at, program=program, databases=databases, lost=lost)
    sums[backup_format.MANIFEST] = draft.archive.save(backup_format.MANIFEST, manifest.to_json()).sha256
    backup_format.write_sums(draft.archive, sums)
    return Backup(manifest=manifest, sums=sums)


def _copy_everything(draft: _Draft, holdings: Sequence[Holding]) -> tuple[dict[str, DatabaseFacts], dict[str, str]]:
    """Return what is in the databases, and the files that are lost: two snapshots name them and they are not there."""
    missed: set[str] = set()
    while True:
        databases = {holding.name: _take_snapshot(draft.folder, holding) for holding in holdings}
        named: set[str] = set()
        faults: dict[str, str] = {}
        for holding in holdings:
            _copy_files(draft, holding, named, faults)
        if faults.keys() <= missed:
            break
        missed = set(faults)
    for name in draft.files.keys() - named:
        draft.archive.delete(name)
        del draft.files[name]
    return databases, faults


def _take_snapshot(folder: Path, holding: Holding) -> DatabaseFacts:
    """Write the database of a holding as one SQLite file, in place of an earlier one."""
    path = folder / backup_format.database_name(holding.name)
    path.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    path.unlink(missing_ok=True)
    engine = open_engine(holding.database_url, pool_size=1)
    try:
        if engine.dialect.name == "sqlite":
            _vacuum_into(engine, path)
        else:
            _copy_rows(engine, path, holding)
        _flush(path)
        return backup_format.examine(path)
    except sqlite3.Error as error:
        raise CannotBackUp(f"The database of {holding.setting} cannot be copied: {error}.") from error
    except DamagedDatabase as error:
        raise CannotBackUp(f"The database of {holding.setting} is damaged, restore a backup: {error}") from error
    finally:
        engine.dispose()


def _vacuum_into(engine: Engine, path: Path) -> None:
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("VACUUM INTO ?", (str(path),))


def _copy_rows(source: Engine, path: Path, holding: Holding) -> None:
    with TemporaryDirectory(dir=path.parent) as scratch:
        file = Path(scratch) / path.name
        target = open_engine(f"sqlite:///{file}", pool_size=1)
        try:
            upgrade(target, holding.migrations, place="the backup")
            copying.copy(source, target, holding.metadata, report=lambda _table, _rows: None)
        finally:
            # The last connection brings everything into the one file.
            target.dispose()
        file.replace(path)


def _copy_files(draft: _Draft, holding: Holding, named: set[str], faults: dict[str, str]) -> None:
    with backup_format.reading(draft.folder / backup_format.database_name(holding.name)) as connection:
        files = list(holding.named_files(connection))
    for key, expected in files:
        name = backup_format.file_name(holding.name, key)
        named.add(name)
        if name in draft.files:
            continue
        try:
            content = holding.storage.read(key)
        except FileNotFoundError:
            faults[name] = "not there"
            continue
        if expected is not None and sha256(content).hexdigest() != expected:
            faults[name] = "not what its row says"
            continue
        draft.files[name] = draft.archive.save(name, content).sha256
        draft.report(f"files of {holding.name}", len(draft.files))


def _flush(path: Path) -> None:
    """See that a file and its name survive a power cut."""
    path.chmod(_FILE_MODE)
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
