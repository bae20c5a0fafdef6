"""A migrated database for each test: a copied file, or with TEST_POSTGRES_URL a copied PostgreSQL database."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL, make_url

from app import migration
from app.extensions import open_engine
from app.schema import MIGRATIONS

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL")


def migrate(database_url: str) -> None:
    """Run all migrations, as an installation does."""
    engine = open_engine(database_url, pool_size=1)
    migration.upgrade(engine, MIGRATIONS, place="DATABASE_URL")
    engine.dispose()


Migrate = Callable[[str], None]


class SqliteTemplate:
    """A migrated file that is copied."""

    def __init__(self, folder: Path, migrate: Migrate) -> None:
        self._file = folder / "template.db"
        migrate(f"sqlite:///{self._file}")

    @contextmanager
    def copy(self, folder: Path) -> Iterator[str]:
        target = folder / "test.db"
        shutil.copyfile(self._file, target)
        yield f"sqlite:///{target}"

    def drop(self) -> None:
        """Leave the file to the temporary folder."""


@contextmanager
def empty(folder: Path, server: str | None = POSTGRES_URL) -> Iterator[str]:
    """Give the URL of a database without tables: a file that is not there yet, or one on a PostgreSQL server."""
    if server is None:
        yield f"sqlite:///{folder / f'empty-{uuid4().hex[:12]}.db'}"
        return
    name = f"empty_{uuid4().hex[:12]}"
    _execute(server, f'CREATE DATABASE "{name}"')
    try:
        yield _text(make_url(server).set(database=name))
    finally:
        _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def pretend_version(engine: Engine, version: str) -> None:
    """Let a database say that its tables have another version than they have."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


class PostgresTemplate:
    """A migrated database that PostgreSQL copies."""

    def __init__(self, server: str, migrate: Migrate) -> None:
        self._server = server
        self._name = f"template_{uuid4().hex[:12]}"
        _execute(self._server, f'CREATE DATABASE "{self._name}"')
        migrate(_text(make_url(server).set(database=self._name)))

    @contextmanager
    def copy(self, _folder: Path) -> Iterator[str]:
        name = f"test_{uuid4().hex[:12]}"
        _execute(self._server, f'CREATE DATABASE "{name}" TEMPLATE "{self._name}"')
        try:
            yield _text(make_url(self._server).set(database=name))
        finally:
            _execute(self._server, f'DROP DATABASE "{name}" WITH (FORCE)')

    def drop(self) -> None:
        _execute(self._server, f'DROP DATABASE "{self._name}" WITH (FORCE)')


def template(folder: Path, migrate: Migrate = migrate) -> SqliteTemplate | PostgresTemplate:
    """Return the template of this run's kind of database, with the tables that `migrate` makes at a URL."""
    return PostgresTemplate(POSTGRES_URL, migrate) if POSTGRES_URL else SqliteTemplate(folder, migrate)


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(_text(make_url(server).set(drivername="postgresql")), autocommit=True) as connection:
        connection.execute(statement)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
