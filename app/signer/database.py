"""The signing service's database: the only commit, and the schema's upgrade at the start."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from app.extensions import READ_ONLY, absolute_database_url, configure_engine, engine_options

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations" / "signer"

#: Any number nobody else uses: the advisory lock that processes starting together queue up for.
UPGRADE_LOCK = 0x5157_4E45


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


def open_database(url: str, *, pool_size: int = 10) -> Database:
    """Connect to the database at `url` and bring its tables up to date."""
    address = absolute_database_url(url)
    engine = create_engine(address, **engine_options(address, pool_size=pool_size))
    configure_engine(engine)
    upgrade(engine)
    return Database(engine)


def existing_database(url: str) -> Database | None:
    """Connect to the database at `url` as it is; None when there is no such SQLite file."""
    address = absolute_database_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return None
    engine = create_engine(address, **engine_options(address, pool_size=1))
    configure_engine(engine)
    return Database(engine)


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing; processes that start together take turns."""
    with _upgrade_lock(engine):
        command.upgrade(migration_config(engine), "head")


def migration_config(engine: Engine) -> Config:
    """Return what Alembic's commands need for this service's own migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    return config


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
