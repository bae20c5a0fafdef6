"""How Alembic runs the migrations of the signing service's own database; `app.signer.database` hands over the engine."""

import sqlite3

from alembic import context
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from app.extensions import configure_engine
from app.signer.models import SignerBase


def _without_foreign_keys(connection: sqlite3.Connection, _record: object) -> None:
    # Batch mode drops and renames tables; with foreign keys on, the drop would delete the rows that point there.
    connection.execute("PRAGMA foreign_keys=OFF")


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration left {len(broken)} rows that point nowhere; nothing was changed")


def run() -> None:
    served: Engine = context.config.attributes["engine"]
    engine = create_engine(served.url, poolclass=NullPool)
    configure_engine(engine)
    is_sqlite = engine.dialect.name == "sqlite"
    if is_sqlite:
        event.listen(engine, "connect", _without_foreign_keys)
    with engine.begin() as connection:
        context.configure(
            connection=connection,
            target_metadata=SignerBase.metadata,
            render_as_batch=is_sqlite,
            compare_type=True,
            compare_server_default=True,
        )
        context.run_migrations()
        if is_sqlite:
            _check_foreign_keys(connection)
    engine.dispose()


run()
