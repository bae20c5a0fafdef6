"""How a database's tables are upgraded, one process at a time.

Both databases use this, the API's and the signing service's; Alembic's `env.py` files call `run_migrations`.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from flask import Flask
from flask_migrate import Migrate
from sqlalchemy import URL, Connection, Engine, MetaData, NullPool, create_engine, event, text

from app.extensions import READ_ONLY, configure_engine, db
from app.schema import MIGRATIONS, NEWER, WrongSchema, read_schema

#: Any number nobody else uses: the advisory lock that processes which upgrade together queue up for.
UPGRADE_LOCK = 0x5157_4E45


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


def add_commands(app: Flask) -> None:
    """Let Flask-Migrate's commands work on the API's database, for those who write migrations."""
    Migrate(app, db, directory=str(MIGRATIONS))


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
