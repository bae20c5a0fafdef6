"""The tables: made at the start, whole after every migration, safe to share."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from app.domain import ids
from app.extensions import open_engine
from app.migration import alembic_config
from app.signer.database import MIGRATIONS, open_database, upgrade
from app.signer.models import Link, Secret
from tests import databases


@pytest.fixture
def url(tmp_path):
    with databases.empty(tmp_path) as url:
        yield url


@pytest.fixture
def engine(url):
    """An engine on a database without tables."""
    engine = open_engine(url, pool_size=2)
    yield engine
    engine.dispose()


@pytest.fixture
def database(signer_template, tmp_path):
    """A database with all tables."""
    with signer_template.copy(tmp_path) as url:
        database = open_database(url)
        yield database
        database.engine.dispose()


def test_migrations_go_up_down_and_up(engine):
    for _ in range(2):
        upgrade(engine)
        assert "envelopes" in inspect(engine).get_table_names()
        command.downgrade(alembic_config(engine, MIGRATIONS), "base")
        assert inspect(engine).get_table_names() == ["alembic_version"]


def test_the_migrations_make_what_the_models_say(engine):
    upgrade(engine)
    command.check(alembic_config(engine, MIGRATIONS))


def test_a_second_upgrade_changes_nothing(engine):
    upgrade(engine)
    upgrade(engine)
    assert "envelopes" in inspect(engine).get_table_names()


@pytest.mark.skipif(databases.POSTGRES_URL is not None, reason="PostgreSQL is so by itself")
def test_every_connection_is_durable_and_checks_foreign_keys(engine):
    for _ in range(2):
        with engine.connect() as connection:
            pragmas = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in PRAGMAS}
            connection.invalidate()
        assert pragmas == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_unit_of_work_is_all_or_nothing(database):
    def half_a_step():
        with database.unit_of_work() as session:
            session.add(Secret(name="a", value=b"a"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_a_step()
    with database.reading() as session:
        assert session.get(Secret, "a") is None


def test_what_points_nowhere_is_refused(database, time):
    with pytest.raises(IntegrityError), database.unit_of_work() as session:
        session.add(Link(token_hash="h", recipient_id=ids.new_id(), created_at=time.utcnow()))


def test_reading_does_not_wait_for_a_writer(database):
    kept = _names(database)
    with database.unit_of_work() as writing:
        writing.add(Secret(name="a", value=b"a"))
        writing.flush()
        read = []
        thread = threading.Thread(target=lambda: read.append(_names(database)))
        thread.start()
        thread.join(timeout=5)
        assert read == [kept]


def _names(database):
    with database.reading() as session:
        return [secret.name for secret in session.query(Secret)]


def test_those_who_start_together_take_turns(url):
    with ThreadPoolExecutor(2) as pool:
        opened = [started.result() for started in [pool.submit(open_database, url) for _ in range(2)]]
    for database in opened:
        assert _names(database) == []
        database.engine.dispose()
