"""A large installation: what one request has left behind in every table, over and over again."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Engine, Table, insert, select

from app.extensions import Base

#: There is one of each, and what is multiplied belongs to it.
ONCE = ("projects", "api_keys", "webhook_subscriptions")
SHARED = ("project_id", "subscription_id")

CHUNK = 1000

#: Between the times of two copies: longer than between any two rows that are copied.
APART = timedelta(minutes=1)


def multiply(engine: Engine, times: int) -> None:
    """Add so many copies of all rows, each with ids, keys and times of its own."""
    for table in Base.metadata.sorted_tables:
        if table.name in ONCE:
            continue
        with engine.begin() as connection:
            rows = connection.execute(select(table)).mappings().all()
            for first in range(1, times + 1, CHUNK) if rows else ():
                numbers = range(first, min(first + CHUNK, times + 1))
                connection.execute(insert(table), [_copy(table, row, number) for number in numbers for row in rows])


def _copy(table: Table, row: Mapping[str, Any], number: int) -> dict[str, Any]:
    return dict(_values(table, row, number))


def _values(table: Table, row: Mapping[str, Any], number: int) -> Iterator[tuple[str, Any]]:
    for column in table.columns:
        yield column.name, _value(column, row[column.name], number)


def _value(column: Column[Any], value: Any, number: int) -> Any:
    if isinstance(value, UUID) and column.name not in SHARED:
        return UUID(int=value.int + number)
    if column.name in {"provider_id", "event_id", "key"} and value is not None:
        return f"{value}-{number}"
    if isinstance(value, datetime):
        return value + number * APART
    return value
