"""How Alembic runs the migrations of the API's database; called through Flask-Migrate inside an app context."""

import sqlite3

from alembic import context
from flask import current_app
from sqlalchemy import Connection, NullPool, create_engine, event

import app.models  # noqa: F401 (registers the tables)
from app.extensions import Base, configure_engine, db


def _without_foreign_keys(connection: sqlite3.Connection, _record: object) -> None:
    # Batch mode drops and renames tables; with foreign keys on, the drop would delete the rows that point there.
    connection.execute("PRAGMA foreign_keys=OFF")


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration left {len(broken)} rows that point nowhere; nothing was changed")


def run() -> None:
    with current_app.app_context():
        url = db.engine.url
    engine = create_engine(url, poolclass=NullPool)
    configure_engine(engine)
    is_sqlite = engine.dialect.name == "sqlite"
    if is_sqlite:
        event.listen(engine, "connect", _without_foreign_keys)
    with engine.begin() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=is_sqlite,
            compare_type=True,
            compare_server_default=True,
        )
        context.run_migrations()
        if is_sqlite:
            _check_foreign_keys(connection)
    engine.dispose()


run()
