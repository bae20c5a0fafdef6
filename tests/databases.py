"""A migrated database for each test: a copied file, or with TEST_POSTGRES_URL a copied PostgreSQL database."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import flask_migrate
import psycopg
from sqlalchemy.engine import URL, make_url

from app.config import Settings
from app.factory import create_app

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL")


def migrate(database_url: str) -> None:
    """Run all migrations, as an installation does."""
    app = create_app(Settings(database_url=database_url, log_level="error"))
    with app.app_context():
        flask_migrate.upgrade()
        app.extensions["sqlalchemy"].engine.dispose()


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


class PostgresTemplate:
    """A migrated database that PostgreSQL copies."""

    def __init__(self, server: str, migrate: Migrate) -> None:
        self._server = make_url(server)
        self._name = f"template_{uuid4().hex[:12]}"
        self._execute(f'CREATE DATABASE "{self._name}"')
        migrate(_text(self._server.set(database=self._name)))

    @contextmanager
    def copy(self, _folder: Path) -> Iterator[str]:
        name = f"test_{uuid4().hex[:12]}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._name}"')
        try:
            yield _text(self._server.set(database=name))
        finally:
            self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def drop(self) -> None:
        self._execute(f'DROP DATABASE "{self._name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(_text(self._server.set(drivername="postgresql")), autocommit=True) as connection:
            connection.execute(statement)


def template(folder: Path, migrate: Migrate = migrate) -> SqliteTemplate | PostgresTemplate:
    """Return the template of this run's kind of database, with the tables that `migrate` makes at a URL."""
    return PostgresTemplate(POSTGRES_URL, migrate) if POSTGRES_URL else SqliteTemplate(folder, migrate)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
