"""`countersign db copy`: a whole database moves to another place, or nothing does."""

import pytest

from app.extensions import Base, open_engine
from app.services import copying
from app.signer.database import open_database
from app.signer.models import Secret, SignerBase
from tests import databases
from tests.commands import fails, lines


@pytest.fixture
def target(tmp_path):
    with databases.empty(tmp_path) as url:
        yield url


def contents(url, metadata):
    engine = open_engine(url, pool_size=1)
    try:
        return copying.contents(engine, metadata)
    finally:
        engine.dispose()


def test_a_copy_holds_the_same_and_its_tables_are_made(run, api, settings, target):
    api.created()

    said = lines(run("db", "copy", settings.database_url, target))

    held = contents(settings.database_url, Base.metadata)
    assert contents(target, Base.metadata) == held
    assert f"recipients: 1 rows, SHA-256 {held['recipients'].digest[:16]}… on both sides" in said
    assert said[-1] == f"Copied {sum(table.rows for table in held.values())} rows; both sides hold the same."


def test_the_signing_services_database_is_copied_as_well(run, tmp_path, target):
    with databases.empty(tmp_path) as source:
        database = open_database(source)
        with database.unit_of_work() as session:
            session.add(Secret(name="a", value=b"\x00\xff"))
        database.engine.dispose()

        lines(run("db", "copy", "--signer", source, target))

        assert contents(target, SignerBase.metadata) == contents(source, SignerBase.metadata)


def test_a_target_with_rows_is_one_line(run, api, settings, target):
    lines(run("db", "copy", settings.database_url, target))

    assert "The target must be empty" in fails(run("db", "copy", settings.database_url, target))


def test_a_source_of_another_version_is_one_line_that_says_what_to_do(run, settings, target):
    engine = open_engine(settings.database_url, pool_size=1)
    databases.pretend_version(engine, "0001")
    engine.dispose()

    assert "The database of SOURCE does not fit" in fails(run("db", "copy", settings.database_url, target))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("sqlite:////nowhere/at/all.db", "SOURCE is not a file: /nowhere/at/all.db."),
        ("var/countersign.db", "SOURCE is not a database URL; one is sqlite:////folder/countersign.db."),
        ("mysql://root@127.0.0.1/x", "SOURCE must begin with sqlite:/// or postgresql+psycopg://, not mysql://."),
        ("postgresql+psycopg://me:hush-hush@127.0.0.1:9/none", "SOURCE or TARGET cannot be used"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_line_without_its_password(run, tmp_path, source, sentence):
    line = fails(run("db", "copy", source, f"sqlite:///{tmp_path / 'new.db'}"))

    assert sentence in line
    assert "hush-hush" not in line
