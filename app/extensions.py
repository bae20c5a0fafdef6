"""Unbound extensions, and how this project talks to its databases. `foundation.py` binds them."""

import sqlite3
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Dialect, Engine, MetaData, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from app.config import SettingsError
from app.domain import turns

log = structlog.get_logger(__name__)

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: Milliseconds that a statement waits for SQLite's one writer.
SQLITE_BUSY_TIMEOUT = 10_000

#: Seconds between two looks whether it is free: at first no longer than a look takes, since most transactions are over
#: in a few milliseconds and the next one is waited for by everybody; later it is a backup or the like.
SQLITE_BUSY_STEP = 0.0001
SQLITE_LATER_STEP = 0.001
SQLITE_LATER = 0.01

#: SQLite before this version can, very rarely, corrupt a WAL database (fixed upstream in 3.51.3).
SQLITE_WITHOUT_WAL_RACE = (3, 51, 3)

#: Execution options for a transaction that only reads: on SQLite it never waits for a writer.
READ_ONLY = {"sqlite_begin": "BEGIN", "postgresql_readonly": True}


class Base(DeclarativeBase):
    """Root of the tables of the API and the worker."""

    metadata = MetaData(naming_convention=NAMING)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite forgets the zone, so it is put back when a row is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without zone; hand the database UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone must not reach the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (the type's interface)
        """Return an aware time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def absolute_database_url(url: str) -> URL:
    """Return the URL with a relative SQLite path resolved against the current folder; the database's is created.

    Raises SettingsError when it cannot be.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return parsed
    path = Path(parsed.database).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"The database's folder {path.parent} cannot be made: {error.strerror}.") from error
    return parsed.set(database=str(path))


def engine_options(url: URL, *, pool_size: int) -> Mapping[str, Any]:
    """Return what the engine is made with: a connection for each thread, and waiting instead of failing.

    Parameters are hidden from error texts: they are names and addresses.
    """
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 4, "hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": SQLITE_BUSY_TIMEOUT / 1000}
    else:
        options["pool_pre_ping"] = True
    return options


def open_engine(url: str, *, pool_size: int) -> Engine:
    """Return an engine for the database at `url`, set up as everywhere here; nothing is connected yet."""
    address = absolute_database_url(url)
    engine = create_engine(address, **engine_options(address, pool_size=pool_size))
    configure_engine(engine)
    return engine


def is_sqlite(url: str) -> bool:
    """Tell whether the database is a file that this process reads itself."""
    return make_url(url).get_backend_name() == "sqlite"


def warn_about_sqlite(url: str) -> None:
    """Say so, once per process that serves, when the library can harm the database."""
    if is_sqlite(url) and sqlite3.sqlite_version_info < SQLITE_WITHOUT_WAL_RACE:
        log.warning("SQLite is older than 3.51.3: keep backups (README, Deployment)", version=sqlite3.sqlite_version)


def configure_engine(engine: Engine) -> None:
    """Give every connection of a SQLite engine its pragmas, and every transaction an explicit BEGIN."""
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    # With None the driver issues no BEGIN of its own; _begin does.
    connection.isolation_level = None
    cursor = connection.cursor()
    # FULL: the row "about to call the provider" has to survive a power cut.
    for pragma in (f"busy_timeout={SQLITE_BUSY_TIMEOUT}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one wrote in between, whatever the
    # busy time-out; taking the write lock first waits instead.
    begin = connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE")
    # Past SQLAlchemy, which would take ten times as long as the statement itself; its errors are the same.
    cursor = connection.connection.cursor()
    try:
        if begin == "BEGIN IMMEDIATE":
            _begin_to_write(cursor)
        else:
            cursor.execute(begin)
    except sqlite3.OperationalError as error:
        raise OperationalError(begin, None, error) from error


def _begin_to_write(cursor: DBAPICursor) -> None:
    """Wait for SQLite's one writer in short steps: its own wait sleeps ever longer, while the lock is free again."""
    started = time.monotonic()
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - started
                if not _is_busy(error) or waited > SQLITE_BUSY_TIMEOUT / 1000:
                    raise
                with turns.given_up():
                    time.sleep(SQLITE_BUSY_STEP if waited < SQLITE_LATER else SQLITE_LATER_STEP)
            else:
                return
    finally:
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT}")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    # The low byte is the primary code; the others say why, such as another process that recovers the log after a crash.
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
