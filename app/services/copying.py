"""Copies every row of a database into another one, of the same kind or the other, and proves that nothing changed.

It works on whole databases, the API's or the signing service's, beside the business steps of `unit_of_work`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import JSON, Connection, Engine, MetaData, Table, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from app.domain.errors import CountersignError
from app.extensions import READ_ONLY

#: Rows that are in memory at a time; one can hold a drawn signature of some hundred kilobytes.
CHUNK = 250

_DIGESTS = 2**256

#: Called with what is copied, such as the name of a table, and how much of it so far.
Report = Callable[[str, int], None]


class CannotCopy(CountersignError):
    """The rows cannot be copied; the target is left as it was."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a table holds: the number of its rows, and a digest of all of them, in whatever order."""

    rows: int
    digest: str


def copy(source: Engine, target: Engine, metadata: MetaData, *, report: Report) -> Mapping[str, Content]:
    """Copy one snapshot of all tables into empty ones, read it back, and return what both sides hold.

    Everything is one transaction of the target. Raises CannotCopy when the target has rows, refuses one, or gives
    another one back.
    """
    tables = _tables(metadata)
    with snapshot(source) as reading, target.begin() as writing:
        for table in tables:
            _require_empty(writing, table)
        sent = {table.name: _copy_table(reading, writing, table, report) for table in tables}
        arrived = _contents(writing, tables)
        for name, content in sent.items():
            if arrived[name] != content:
                raise CannotCopy(f"The rows of {name} came out of the target other than they went in.")
    return sent


def contents(engine: Engine, metadata: MetaData) -> Mapping[str, Content]:
    """Return what each table of a database holds; the same on SQLite and PostgreSQL for the same rows."""
    with snapshot(engine) as connection:
        return _contents(connection, _tables(metadata))


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Read one state of a whole database, whatever is written meanwhile."""
    options = dict(READ_ONLY)
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    with engine.connect().execution_options(**options) as connection:
        yield connection


def _tables(metadata: MetaData) -> Sequence[Table]:
    """Return the tables, those that others point to first, with JSON columns in which None stays SQL's NULL."""
    exact = MetaData()
    for table in metadata.tables.values():
        for column in table.to_metadata(exact).columns:
            if isinstance(column.type, JSON):
                column.type = JSON(none_as_null=True)
    return exact.sorted_tables


def _require_empty(connection: Connection, table: Table) -> None:
    if connection.execute(select(table).limit(1)).first() is not None:
        raise CannotCopy(f"The target must be empty, and there are rows in its table {table.name}.")


def _copy_table(reading: Connection, writing: Connection, table: Table, report: Report) -> Content:
    tally = _Tally()
    for rows in _chunks(reading, table):
        try:
            writing.execute(insert(table), [dict(zip(table.columns.keys(), row, strict=True)) for row in rows])
        except (DataError, IntegrityError) as error:
            reason = str(error.orig).partition("\n")[0]
            raise CannotCopy(f"The target refuses a row of {table.name}: {reason}.") from error
        tally.add(rows)
        report(table.name, tally.rows)
    return tally.content


def _contents(connection: Connection, tables: Iterable[Table]) -> Mapping[str, Content]:
    found = {}
    for table in tables:
        tally = _Tally()
        for rows in _chunks(connection, table):
            tally.add(rows)
        found[table.name] = tally.content
    return found


def _chunks(connection: Connection, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
    for rows in connection.execute(select(table).execution_options(yield_per=CHUNK)).partitions():
        yield [tuple(row) for row in rows]


class _Tally:
    """Counts rows and adds up their digests.

    The Python values are digested (aware times, UUIDs, parsed JSON), which both kinds of database give alike; a sum
    needs no order, which they do not sort alike.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.rows += len(rows)
        self._sum += sum(int.from_bytes(sha256(repr(row).encode()).digest()) for row in rows)

    @property
    def content(self) -> Content:
        return Content(rows=self.rows, digest=f"{self._sum % _DIGESTS:064x}")
