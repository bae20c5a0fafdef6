"""Transactions: one at a time, all or nothing, on connections that are set up alike."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from app import extensions
from app.extensions import db
from app.foundation import CONNECTIONS
from app.models import Project
from app.services.unit_of_work import in_transaction, reading, unit_of_work
from tests.databases import POSTGRES_URL

NOW = datetime(2026, 6, 5, 10, 0, 0, 123_000, tzinfo=UTC)

only_sqlite = pytest.mark.skipif(bool(POSTGRES_URL), reason="about SQLite's pragmas")


@pytest.fixture(autouse=True)
def in_app(app):
    with app.app_context():
        yield


def names():
    with reading() as session:
        return list(session.scalars(select(Project.name)))


def test_a_step_is_committed_at_its_end():
    with unit_of_work() as session:
        session.add(Project(name="a", created_at=NOW))

    assert names() == ["a"]
    assert not in_transaction()


def test_a_step_that_fails_leaves_nothing():
    def fail_halfway():
        with unit_of_work() as session:
            session.add(Project(name="a", created_at=NOW))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()

    assert names() == []
    assert not in_transaction()


@pytest.mark.parametrize("inner", [unit_of_work, reading])
@pytest.mark.parametrize("outer", [unit_of_work, reading])
def test_steps_do_not_nest(outer, inner):
    with outer() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(RuntimeError, match="do not nest"), inner():
            pytest.fail("nested")


def test_what_was_loaded_stays_readable():
    with unit_of_work() as session:
        project = Project(name="a", created_at=NOW)
        session.add(project)

    assert project.name == "a"
    assert project.id is not None


def test_reading_writes_nothing():
    with reading() as session:
        assert in_transaction()
        session.add(Project(name="a", created_at=NOW))

    assert names() == []


@only_sqlite
def test_reading_does_not_wait_for_a_writer():
    with db.engine.connect() as writer, writer.begin():
        writer.execute(text("INSERT INTO projects (id, name, created_at) VALUES ('x', 'y', '2026-06-05 10:00:00')"))

        assert names() == []


@only_sqlite
def test_every_pooled_connection_has_its_pragmas():
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    connections = [db.engine.connect() for _ in range(CONNECTIONS)]
    try:
        for connection in connections:
            with connection.execution_options(sqlite_begin="BEGIN").begin():
                found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
            assert found == wanted
    finally:
        for connection in connections:
            connection.close()


@only_sqlite
def test_a_write_transaction_takes_the_write_lock_at_once():
    with unit_of_work() as session:
        session.execute(text("SELECT 1"))
        with db.engine.connect() as other:
            raw = other.connection.dbapi_connection
            raw.execute("PRAGMA busy_timeout=0")
            with pytest.raises(Exception, match="locked"):
                raw.execute("BEGIN IMMEDIATE")


@only_sqlite
def test_who_waits_too_long_for_the_one_writer_gets_an_error_of_the_database_layer(monkeypatch):
    monkeypatch.setattr(extensions, "SQLITE_BUSY_TIMEOUT", 0)

    with db.engine.connect() as holder, holder.begin(), db.engine.connect() as other, pytest.raises(OperationalError):
        other.begin()


def test_foreign_keys_are_enforced():
    with pytest.raises(DBAPIError), unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO api_keys (id, project_id, name, prefix, sha256, created_at)"
                " VALUES ('0193c2c3000070008000000000000000', '0193c2c3000070008000000000000001', '', 'p', 's',"
                " '2026-06-05 10:00:00')"
            )
        )


def test_times_keep_their_zone():
    east = timezone(timedelta(hours=5, minutes=30))
    with unit_of_work() as session:
        session.add(Project(name="a", created_at=NOW.astimezone(east)))

    with reading() as session:
        found = session.scalars(select(Project.created_at)).one()

    assert found == NOW
    assert found.tzinfo is UTC


def test_a_time_without_zone_does_not_reach_the_database():
    with pytest.raises(StatementError, match="without zone"), unit_of_work() as session:
        session.add(Project(name="a", created_at=NOW.replace(tzinfo=None)))

    assert names() == []
