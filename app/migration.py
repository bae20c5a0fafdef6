"""How Alembic runs migrations, of the API's database and of the signing service's: called by their `env.py`."""

import sqlite3

from alembic import context
from sqlalchemy import URL, Connection, MetaData, NullPool, create_engine, event

from app.extensions import configure_engine


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


def _without_foreign_keys(connection: sqlite3.Connection, _record: object) -> None:
    # Batch mode drops and renames tables; with foreign keys on, the drop would delete the rows that point there.
    connection.execute("PRAGMA foreign_keys=OFF")


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration left {len(broken)} rows that point nowhere; nothing was changed")
