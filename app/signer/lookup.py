"""One row, looked up by the database's driver itself.

SQLAlchemy prepares the statement, once, and says how columns are read. What it does around a statement each time (a
transaction, a context, a result) takes several times as long as such a statement.
"""

from collections.abc import Mapping
from contextlib import closing
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, Select


class Lookup:
    """A select that finds one row or none. Its parameters are texts."""

    def __init__(self, statement: Select[*tuple[Any, ...]], engine: Engine) -> None:
        """Prepare the statement for the engine's database; nothing is connected."""
        compiled = statement.compile(engine)
        columns = statement.selected_columns
        self._engine = engine
        self._text = str(compiled)
        #: The parameters' names in the order of their marks, where marks have no names.
        self._order = compiled.positiontup if compiled.positional else None
        #: Each column's name, and what makes a value of what the driver returns.
        self._columns = [
            (name, column.type.dialect_impl(engine.dialect).result_processor(engine.dialect, None))
            for name, column in columns.items()
        ]

    def find(self, values: Mapping[str, str]) -> SimpleNamespace | None:
        """Return the row, its columns by name. One statement sees one consistent state by itself."""
        given = values if self._order is None else [values[name] for name in self._order]
        with closing(self._engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(self._text, given)
            found = cursor.fetchone()
        if found is None:
            return None
        columns = zip(self._columns, found, strict=True)
        return SimpleNamespace(**{name: value if read is None else read(value) for (name, read), value in columns})
