"""The versions of a database's tables: which it has, which this program needs, and who may work on which.

What every process asks at its start. Only those who upgrade load Alembic, which is large: `app.migration`.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from app.domain.errors import CountersignError
from app.extensions import READ_ONLY

#: The migrations of the API's database.
MIGRATIONS = Path(__file__).parent.parent / "migrations"

#: Alembic's table of one row, the version that the tables have.
VERSION_TABLE = "alembic_version"

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
    head: str
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
    current = None
    if inspect(connection).has_table(VERSION_TABLE):
        current = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 (a constant)
    known = known_versions(migrations)
    return Schema(current=current, head=max(known), is_newer=current is not None and current not in known)


def known_versions(migrations: Path) -> set[str]:
    """Return the versions that a folder of migrations leads to: each file's name starts with its own."""
    return {file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*_*.py")}


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
