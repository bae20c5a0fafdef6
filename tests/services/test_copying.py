"""Copying a database row by row, from either kind to either kind."""

from contextlib import ExitStack

import pytest
from sqlalchemy import literal_column, select, text

from app.extensions import Base, open_engine
from app.migration import upgrade
from app.schema import MIGRATIONS
from app.services import copying
from app.services.copying import CHUNK, CannotCopy
from tests import databases
from tests.builders.ceremonies import finish, work
from tests.builders.multiplied import multiply
from tests.databases import POSTGRES_URL
from tests.provider_events import deliver, make_event

SERVERS = [None, *([POSTGRES_URL] if POSTGRES_URL else [])]


def silent(_table, _rows):
    pass


@pytest.fixture
def make_database(tmp_path):
    """Make an empty, migrated database on a server, or as a file; return its engine."""
    with ExitStack() as exits:

        def make(server=POSTGRES_URL):
            engine = open_engine(exits.enter_context(databases.empty(tmp_path, server)), pool_size=2)
            exits.callback(engine.dispose)
            upgrade(engine, MIGRATIONS, place="DATABASE_URL")
            return engine

        yield make


@pytest.fixture
def source(settings):
    engine = open_engine(settings.database_url, pool_size=2)
    yield engine
    engine.dispose()


@pytest.fixture
def busy(app, api, signing, source):
    """A database with rows in most tables, with the values that databases do not agree about."""
    api.post("/v1/webhooks", json={"url": "https://example.com/hook", "events": ["signature.sent"]})
    api.post("/v1/renders", json={})
    api.create(key="first", name="Ärger & Söhne — 契約 𝄞", recipients=[{"firstName": "Ñ", "email": "n@example.com"}])
    finish(signing, signing.only())
    deliver(app, make_event(signing.only().provider_id))
    work(app)
    api.create(key="second")
    return source


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: "postgresql" if server else "sqlite")
def test_there_and_back_again_every_value_is_the_same(busy, make_database, server):
    there, back = make_database(server), make_database()

    sent = copying.copy(busy, there, Base.metadata, report=silent)
    copying.copy(there, back, Base.metadata, report=silent)

    assert values(back) == values(busy)
    assert copying.contents(there, Base.metadata) == copying.contents(busy, Base.metadata) == sent
    assert {name for name, content in sent.items() if content.rows} >= {
        "signature_requests", "recipients", "history", "renders", "stored_files", "idempotency_keys",
        "provider_events", "webhook_deliveries", "webhook_attempts", "webhook_subscriptions", "api_keys", "projects",
    }  # fmt: skip


def values(engine):
    """Return what every table holds, as the database itself writes it."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(literal_column("*")).select_from(table))))
            for table in Base.metadata.sorted_tables
        }


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: "postgresql" if server else "sqlite")
def test_hundreds_of_requests_are_copied_chunk_by_chunk(busy, make_database, server):
    multiply(busy, 300)
    target, progress = make_database(server), []

    sent = copying.copy(busy, target, Base.metadata, report=lambda *each: progress.append(each))

    assert copying.contents(target, Base.metadata) == copying.contents(busy, Base.metadata) == sent
    assert sent["signature_requests"].rows == 2 * 301
    total = sent["history"].rows
    assert [count for name, count in progress if name == "history"] == [*range(CHUNK, total, CHUNK), total]


def test_what_is_written_meanwhile_is_not_half_there(busy, api, make_database):
    target = make_database()
    before = copying.contents(busy, Base.metadata)
    written = []

    def report(table, _rows):
        if table == "projects":
            written.append(api.created())

    copying.copy(busy, target, Base.metadata, report=report)

    assert written
    assert copying.contents(target, Base.metadata) == before


def test_one_changed_value_changes_the_digest(busy):
    before = copying.contents(busy, Base.metadata)["recipients"]
    with busy.begin() as connection:
        connection.execute(text("UPDATE recipients SET position = position + 1"))

    after = copying.contents(busy, Base.metadata)["recipients"]

    assert after.rows == before.rows
    assert after.digest != before.digest


def test_a_target_with_rows_is_refused(busy, make_database):
    target = make_database()
    copying.copy(busy, target, Base.metadata, report=silent)

    with pytest.raises(CannotCopy, match="The target must be empty, and there are rows in its table"):
        copying.copy(busy, target, Base.metadata, report=silent)


@pytest.mark.postgres
@pytest.mark.skipif(not POSTGRES_URL, reason="needs PostgreSQL")
def test_what_postgresql_cannot_hold_is_said_and_nothing_is_left(make_database):
    source, target = make_database(None), make_database()
    with source.begin() as connection:
        connection.execute(
            text("INSERT INTO projects VALUES (:id, :name, '2026-01-01')"), {"id": "0" * 32, "name": "N\0UL"}
        )

    with pytest.raises(CannotCopy, match=r"The target refuses a row of projects: .*NUL"):
        copying.copy(source, target, Base.metadata, report=silent)

    assert copying.contents(target, Base.metadata)["projects"].rows == 0
