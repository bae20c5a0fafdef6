"""The signing service's database: the only commit, and the schema's upgrade at the start."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from app import schema
from app.extensions import READ_ONLY, absolute_database_url, open_engine
from app.prepared import Prepared

MIGRATIONS = schema.MIGRATIONS / "signer"

#: The setting that names the database, for messages.
PLACE = "SIGNER_DATABASE_URL"


class Database:
    """Transactions on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """Run one business step in one write transaction: commit on the way out, roll back on any exception."""
        session = self._sessions()
        try:
            yield session
            session.commit()
        finally:
            session.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read one consistent state; on SQLite this never waits for a writer."""
        session = self._sessions()
        try:
            session.connection(execution_options=READ_ONLY)
            yield session
        finally:
            session.close()

    def look_up(self, statement: Prepared, **values: Any) -> Any | None:
        """Return the one row that is found, if any: for what is asked so often that a session costs too much."""
        return next(iter(statement.rows(self.engine, values)), None)


def open_database(url: str) -> Database:
    """Connect to the database at `url` and bring its tables up to date; raises WrongSchema if they are newer."""
    engine = open_engine(url, pool_size=10)
    upgrade(engine)
    return Database(engine)


def existing_database(url: str) -> Database | None:
    """Connect to the database at `url` as it is; None when there is no such SQLite file."""
    address = absolute_database_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return None
    return Database(open_engine(url, pool_size=1))


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing; processes that start together take turns.

    A process of its own does it, so that Alembic does not stay in the memory of one that serves. Raises WrongSchema
    when the tables are a newer program's.
    """
    with engine.connect().execution_options(**READ_ONLY) as connection:
        found = schema.read_schema(connection, MIGRATIONS)
    if not (found.is_current or found.is_newer):
        subprocess.run(
            [sys.executable, "-m", "app.signer.upgrading"],
            input=engine.url.render_as_string(hide_password=False),  # Not as an argument: those are for everybody.
            cwd=schema.MIGRATIONS.parent,
            text=True,
            check=True,
        )
    schema.require_schema(engine, MIGRATIONS, place=PLACE)
