"""Restoring a backup: everything is checked before anything is touched, and looked at again afterwards.

Files come before the rows that name them, and each database appears at once: whoever is interrupted starts anew.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, inspect, literal, select, table
from sqlalchemy.engine import URL

from app.domain.errors import CountersignError
from app.domain.ports import FileStorage
from app.extensions import absolute_database_url, open_engine
from app.migration import upgrade
from app.schema import VERSION_TABLE
from app.services import backup_format, copying
from app.services.backup_format import Backup, BrokenBackup
from app.services.copying import Content, Report
from app.services.holdings import Holding

_FILE_MODE = 0o600


class CannotRestore(CountersignError):
    """The backup is not restored; the message says what is in the way."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a holding has got back."""

    holding: Holding
    rows: Mapping[str, Content]
    files: int


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A holding, and a copy of its database in the backup, brought up to this version."""

    holding: Holding
    engine: Engine
    file: Path


def restore(
    folder: Path, holdings: Sequence[Holding], *, archive: FileStorage, report: Report
) -> tuple[Backup, list[Restored]]:
    """Give the holdings that are in a backup their files and rows back; `archive` reads below the folder.

    Raises BrokenBackup, WrongSchema for the backup of a newer program, and CannotRestore when something is there
    already; then nothing was touched. Raises OSError when something cannot be written; then it can be tried again.
    """
    backup = backup_format.read_backup(folder, archive)
    present = [holding for holding in holdings if holding.name in backup.manifest.databases]
    for holding in present:
        _require_free(holding, backup, archive)
    with ExitStack() as exits:
        works = [exits.enter_context(_work_on(holding, folder)) for holding in present]
        for work in works:
            _check_named_files(work, backup)
        return backup, [_restore(work, backup, archive, report) for work in works]


def _require_free(holding: Holding, backup: Backup, archive: FileStorage) -> None:
    url = absolute_database_url(holding.database_url)
    if url.get_backend_name() == "sqlite":
        for file in (Path(f"{url.database}{end}") for end in ("", "-wal", "-shm")):
            if file.exists():
                raise CannotRestore(f"{file} is there already: stop everything, then move it away.")
    else:
        _require_no_rows(holding)
    name, key_file = backup_format.key_name(holding.name), holding.key_file
    if name not in backup.sums or key_file is None or not key_file.exists():
        return
    if key_file.read_bytes() != archive.read(name):
        raise CannotRestore(f"{key_file} holds another key than the backup: move it away.")


def _require_no_rows(holding: Holding) -> None:
    engine = open_engine(holding.database_url, pool_size=1)
    try:
        with copying.snapshot(engine) as connection:
            for name in set(inspect(connection).get_table_names()) - {VERSION_TABLE}:
                if connection.execute(select(literal(1)).select_from(table(name)).limit(1)).first():
                    raise CannotRestore(f"The database of {holding.setting} has rows already: name one that is empty.")
    finally:
        engine.dispose()


@contextmanager
def _work_on(holding: Holding, folder: Path) -> Iterator[_Work]:
    url = absolute_database_url(holding.database_url)
    # Beside its place, so that it can be put there in one step.
    beside = Path(_path(url)).parent if url.get_backend_name() == "sqlite" else None
    with TemporaryDirectory(dir=beside, prefix=".restore-") as scratch:
        file = Path(scratch) / "database.db"
        shutil.copyfile(folder / backup_format.database_name(holding.name), file)
        file.chmod(_FILE_MODE)
        engine = open_engine(f"sqlite:///{file}", pool_size=1)
        try:
            upgrade(engine, holding.migrations, place="the backup")
            yield _Work(holding=holding, engine=engine, file=file)
        finally:
            engine.dispose()


def _check_named_files(work: _Work, backup: Backup) -> None:
    with copying.snapshot(work.engine) as connection:
        for key, expected in work.holding.named_files(connection):
            name = backup_format.file_name(work.holding.name, key)
            if name in backup.manifest.lost:
                continue
            if name not in backup.sums:
                raise BrokenBackup(f"{name} is missing from the backup, and a row names it.")
            if expected is not None and backup.sums[name] != expected:
                raise BrokenBackup(f"{name} is not what the row that names it says.")


def _restore(work: _Work, backup: Backup, archive: FileStorage, report: Report) -> Restored:
    holding = work.holding
    prefix = backup_format.file_name(holding.name, "")
    files = [name for name in backup.sums if name.startswith(prefix)]
    for number, name in enumerate(files, start=1):
        _restore_file(holding, name.removeprefix(prefix), archive.read(name), backup.sums[name])
        report(f"files of {holding.name}", number)
    key = backup_format.key_name(holding.name)
    if key in backup.sums and holding.key_file is not None and not holding.key_file.exists():
        _write_key(holding.key_file, archive.read(key))
    expected = copying.contents(work.engine, holding.metadata)
    if absolute_database_url(holding.database_url).get_backend_name() == "sqlite":
        _place_file(work)
    else:
        _place_rows(work, report)
    _compare(holding, expected)
    return Restored(holding=holding, rows=expected, files=len(files))


def _restore_file(holding: Holding, key: str, content: bytes, expected: str) -> None:
    if sha256(content).hexdigest() != expected:
        raise BrokenBackup(f"{backup_format.file_name(holding.name, key)} has changed since it was checked.")
    try:
        found = backup_format.digest(holding.storage, key)
    except FileNotFoundError:
        holding.storage.save(key, content)
        found = backup_format.digest(holding.storage, key)
    if found != expected:
        raise CannotRestore(f"The storage of {holding.name} holds another file as {key}: move its files away.")


def _write_key(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _place_file(work: _Work) -> None:
    # The last connection brings everything into the one file.
    work.engine.dispose()
    target = Path(_path(absolute_database_url(work.holding.database_url)))
    with work.file.open("rb") as file:
        os.fsync(file.fileno())
    try:
        # Unlike a rename, a link never replaces what somebody has put there meanwhile.
        target.hardlink_to(work.file)
    except FileExistsError as error:
        raise CannotRestore(f"{target} has appeared meanwhile: stop everything, then move it away.") from error
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _place_rows(work: _Work, report: Report) -> None:
    target = open_engine(work.holding.database_url, pool_size=1)
    try:
        upgrade(target, work.holding.migrations, place=work.holding.setting)
        copying.copy(work.engine, target, work.holding.metadata, report=report)
    finally:
        target.dispose()


def _compare(holding: Holding, expected: Mapping[str, Content]) -> None:
    engine = open_engine(holding.database_url, pool_size=1)
    try:
        found = copying.contents(engine, holding.metadata)
    finally:
        engine.dispose()
    for name, content in expected.items():
        if found[name] != content:
            raise CannotRestore(f"The restored table {name} does not hold what the backup does.")


def _path(url: URL) -> str:
    return url.database or ""
