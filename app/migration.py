"""The versions of a database's tables: how they are upgraded, one process at a time, and who may work on which.

Both databases use this, the API's and the signing service's; Alembic's `env.py` files call `run_migrations`.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, MetaData, NullPool, create_engine, event, text

from app.domain.errors import CountersignError
from app.extensions import READ_ONLY, configure_engine

#: The migrations of the API's database.
MIGRATIONS = Path(__file__).parent.parent / "migrations"

#: Any number nobody else uses: the advisory lock that processes which upgrade together queue up for.
UPGRADE_LOCK = 0x5157_4E45


#: What to do about tables that do not fit.
UPGRADE = "run: countersign db upgrade"
NEWER = "start the newer program again, or restore a backup from before its upgrade"


class WrongSchema(CountersignError):
    """The tables are not those of this program's version; the message says what to run."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The version that a database's tables have, and the one that this program needs."""

    #: None before the first migration.
    current: str | None
    head: str | None
    is_newer: bool

    @property
    def is_current(self) -> bool:
        """Whether this program can work with the tables."""
        return self.current == self.head

    @property
    def state(self) -> str:
        """Both versions, for people."""
        return f"its tables are at version {self.current or 'none'}, this program needs {self.head}"

    @property
    def advice(self) -> str | None:
        """What a person should do; None when the tables are the right ones."""
        if self.is_current:
            return None
        return NEWER if self.is_newer else UPGRADE


def read_schema(connection: Connection, migrations: Path) -> Schema:
    """Compare the version of a database's tables with the newest migration in a folder."""
    current = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory(str(migrations))
    known = {revision.revision for revision in script.walk_revisions()}
    return Schema(
        current=current, head=script.get_current_head(), is_newer=current is not None and current not in known
    )


def require_schema(engine: Engine, migrations: Path, *, place: str, remedy: str = UPGRADE) -> None:
    """Raise WrongSchema unless this program can work with the tables; `place` names the database's setting.

    `remedy` is what brings older tables up to date.
    """
    with engine.connect().execution_options(**READ_ONLY) as connection:
        schema = read_schema(connection, migrations)
    if not schema.is_current:
        raise WrongSchema(
            f"The database of {place} does not fit: {schema.state}; {NEWER if schema.is_newer else remedy}."
        )


def upgrade(engine: Engine, migrations: Path, *, place: str) -> bool:
    """Apply the migrations that are missing, and return whether any were; who comes second waits, and finds it done.

    Raises WrongSchema for a database that a newer program has upgraded.
    """
    with _upgrade_lock(engine):
        with engine.connect().execution_options(**READ_ONLY) as connection:
            schema = read_schema(connection, migrations)
        if schema.is_current:
            return False
        if schema.is_newer:
            raise WrongSchema(f"The database of {place} does not fit: {schema.state}; {NEWER}.")
        command.upgrade(alembic_config(engine, migrations), "head")
        return True


def alembic_config(engine: Engine, migrations: Path) -> Config:
    """Return what Alembic's commands need; `env.py` finds the database in it."""
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config


def run_migrations(url: URL, metadata: MetaData) -> None:
    """Run what Alembic was asked for, all in one transaction, on a connection of its own.

    Raises RuntimeError, and changes nothing, when rows would be left that point nowhere.
    """
    engine = create_engine(url, poolclass=NullPool)
    configure_engine(engine)
    is_sqlite = engine.dialect.name == "sqlite"
    if is_sqlite:
        event.listen(engine, "connect", _without_foreign_keys)
    with engine.begin() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=is_sqlite,
            compare_type=True,
            compare_server_default=True,
        )
        context.run_migrations()
        if is_sqlite:
            _check_foreign_keys(connection)
    engine.dispose()


@contextmanager
def _upgrade_lock(engine: Engine) -> Iterator[None]:
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": UPGRADE_LOCK})


def _without_foreign_keys(connection: sqlite3.Connection, _record: object) -> None:
    # Batch mode drops and renames tables; with foreign keys on, the drop would delete the rows that point there.
    connection.execute("PRAGMA foreign_keys=OFF")


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration left {len(broken)} rows that point nowhere; nothing was changed")
