"""Statements that read, compiled once and run on the driver itself: for what is asked at every request.

SQLAlchemy writes them, for whichever database, and its types turn values into what the database has and back. What is
left out is its work around each execution, which takes five times as long as SQLite takes for a row.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, PoolProxiedConnection, Select
from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any]


class Prepared:
    """A statement that only reads and locks nothing."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._ready: dict[str, _Ready] = {}

    def rows(self, engine: Engine, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the rows that are found, each a tuple whose members also have the names of the columns."""
        # The pool rolls back whatever transaction the driver begins for this.
        with closing(engine.raw_connection()) as connection:
            return self._run(connection, engine.dialect, values)

    def rows_in(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the rows that are found in the transaction of a connection."""
        return self._run(connection.connection, connection.dialect, values)

    def _run(self, connection: PoolProxiedConnection, dialect: Dialect, values: Mapping[str, Any]) -> Sequence[Any]:
        ready = self._ready.get(dialect.name) or self._make_ready(dialect)
        with closing(connection.cursor()) as cursor:
            cursor.execute(ready.sql, ready.bind(values))
            found = cursor.fetchall()
        return [ready.read(row) for row in found]

    def _make_ready(self, dialect: Dialect) -> "_Ready":
        compiled = self._statement.compile(dialect=dialect)
        columns = self._statement.selected_columns
        # Nobody knows the names when this is written.
        row: Any = namedtuple("Row", columns.keys())  # type: ignore[misc]  # noqa: PYI024
        ready = self._ready[dialect.name] = _Ready(
            sql=str(compiled),
            names=compiled.positiontup,
            bound={name: _to_database(bind.type, dialect) for name, bind in compiled.binds.items()},
            constants={name: bind.value for name, bind in compiled.binds.items() if not bind.required},
            row=row._make,
            converts=[
                (place, convert)
                for place, column in enumerate(columns)
                if (convert := _converter(column.type, dialect)) is not None
            ],
        )
        return ready


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """What a statement is on one kind of database."""

    sql: str
    #: The parameters in their order, or None where they go by name.
    names: Sequence[str] | None
    bound: Mapping[str, Convert]
    #: What the statement itself says.
    constants: Mapping[str, Any]
    row: Callable[[Sequence[Any]], Any]
    #: By the place of the column; the others come as they are to be.
    converts: Sequence[tuple[int, Convert]]

    def bind(self, values: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        values = {**self.constants, **values}
        if self.names is None:
            return {name: convert(values[name]) for name, convert in self.bound.items()}
        return [self.bound[name](values[name]) for name in self.names]

    def read(self, row: Sequence[Any]) -> Any:
        values = list(row)
        for place, convert in self.converts:
            if values[place] is not None:
                values[place] = convert(values[place])
        return self.row(values)


def _to_database(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _as_it_is(value: Any) -> Any:
    return value
