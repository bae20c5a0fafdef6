"""The only place that commits. Nothing crosses the network while one of these blocks is open."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, func, select
from sqlalchemy.orm import Session

from app.domain import turns
from app.extensions import READ_ONLY, SQLITE_BUSY_TIMEOUT, db
from app.prepared import Prepared

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]

#: Where a session keeps the connection of its transaction: to ask it for that takes as long as a statement.
CONNECTION = "connection"

#: SQLite has one writer, and whoever finds it busy sleeps, ever longer, and looks again. The threads of one process
#: take turns by this lock instead, which wakes the next one at once; it only orders them, SQLite's own lock decides.
_TURN = threading.Lock()


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """Run one business step in one write transaction: commit on the way out, roll back on any exception.

    What it loaded stays readable afterwards, detached.
    """
    session = _fresh_session()
    with _turn_to_write(session) as give_back:
        try:
            session.info[CONNECTION] = session.connection()
            yield session
            session.flush()
            with turns.given_up():
                session.commit()
                give_back()  # Who writes next need not wait until this thread has its turn to go on.
        finally:
            session.close()


@contextmanager
def reading() -> Iterator[Session]:
    """Read one consistent state; on SQLite this never waits for a writer."""
    session = _fresh_session()
    try:
        session.info[CONNECTION] = session.connection(execution_options=READ_ONLY)
        yield session
    finally:
        session.close()


def run(session: Session, statement: Executable, parameters: Parameters) -> CursorResult[*tuple[Any, ...]]:
    """Run a statement about values, not models, in the session's transaction; what it holds is not flushed before."""
    connection: Connection = session.info[CONNECTION]
    return connection.execute(statement, parameters)


def run_prepared(session: Session, statement: Prepared, values: Mapping[str, Any]) -> Sequence[Any]:
    """Return the rows that a statement finds in the session's transaction; what it holds is not flushed before."""
    return statement.rows_in(session.info[CONNECTION], values)


def read_row(statement: Prepared, values: Mapping[str, Any]) -> Any | None:
    """Return the one row that a statement finds, or None: for what every call asks."""
    return next(iter(read_rows(statement, values)), None)


def read_rows(statement: Prepared, values: Mapping[str, Any]) -> Sequence[Any]:
    """Return the rows that a statement finds, without a session around it."""
    return statement.rows(db.engine, values)


def serialise(session: Session, name: str) -> None:
    """Let one transaction at a time past this point; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))


def in_transaction() -> bool:
    """Say whether this thread has a transaction open."""
    return db.session().in_transaction()


@contextmanager
def _turn_to_write(session: Session) -> Iterator[Callable[[], None]]:
    """Wait for the other threads' transactions on SQLite, as long as SQLite itself would; yield what ends the turn."""
    with ExitStack() as turn:
        if session.get_bind().dialect.name == "sqlite":
            with turns.given_up():
                has_turn = _TURN.acquire(timeout=SQLITE_BUSY_TIMEOUT / 1000)
            if has_turn:
                turn.callback(_TURN.release)
        yield turn.close


def _fresh_session() -> Session:
    session = db.session()
    if session.in_transaction():
        raise RuntimeError("a unit of work is open already: business steps do not nest")
    return session
