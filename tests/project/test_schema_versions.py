"""The versions of the tables: upgraded by one process at a time, and nobody works on tables that do not fit."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect

from app.extensions import Base, db, open_engine
from app.migration import upgrade
from app.schema import MIGRATIONS, WrongSchema, require_schema
from app.signer.database import open_database
from app.signer.database import upgrade as upgrade_signer
from tests import databases
from tests.commands import fails
from tests.threads import at_once

ROOT = Path(__file__).parents[2]
OLDER, NEWER = "0001", "9999"

#: Commands that work on the tables.
WORKING = [("projects", "list"), ("keys", "list"), ("worker",), ("worker", "--once"), ("webhooks", "list")]


@pytest.fixture
def pretended(app):
    """Let the database of the test say that its tables have another version."""

    def act(version):
        with app.app_context():
            databases.pretend_version(db.engine, version)

    return act


def test_of_those_who_upgrade_together_one_does_it_and_the_others_find_it_done(tmp_path):
    with databases.empty(tmp_path) as url:

        def act(_number):
            engine = open_engine(url, pool_size=1)
            try:
                return upgrade(engine, MIGRATIONS, place="DATABASE_URL"), set(inspect(engine).get_table_names())
            finally:
                engine.dispose()

        outcomes = at_once(4, act)

    assert sorted(upgraded for upgraded, _ in outcomes) == [False, False, False, True]
    assert all(tables == {*Base.metadata.tables, "alembic_version"} for _, tables in outcomes)


@pytest.mark.processes
def test_two_upgrades_at_once_are_one_upgrade(tmp_path):
    command = [sys.executable, "-m", "app.cli", "db", "upgrade"]
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path / 'countersign.db'}", "PYTHONPATH": str(ROOT), "PATH": ""}
    started = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]

    said = sorted(process.communicate(timeout=60)[0] for process in started)

    assert said == ["The database is up to date.\n", "The database is upgraded.\n"]
    assert [process.returncode for process in started] == [0, 0]


@pytest.mark.parametrize("arguments", WORKING, ids=" ".join)
def test_no_command_works_on_older_tables_and_each_says_what_to_run(run, pretended, arguments):
    pretended(OLDER)

    assert fails(run(*arguments)).endswith(f"needs {current_version()}; run: countersign db upgrade.")


@pytest.mark.parametrize("arguments", [*WORKING, ("db", "upgrade")], ids=" ".join)
def test_no_command_touches_tables_of_a_newer_program(run, pretended, arguments):
    pretended(NEWER)

    line = fails(run(*arguments))

    assert "its tables are at version 9999" in line
    assert "start the newer program again, or restore a backup from before its upgrade" in line


def test_the_doctor_looks_at_tables_of_any_version(run, pretended):
    pretended(OLDER)

    report = run("doctor")

    assert "LOOK  database: its tables are at version 0001" in report.stdout
    assert "run: countersign db upgrade" in report.stdout


@pytest.mark.processes
@pytest.mark.parametrize(
    ("version", "advice"), [(OLDER, "run: countersign db upgrade"), (NEWER, "start the newer program again")]
)
def test_the_api_does_not_start_on_tables_that_do_not_fit(settings, pretended, tmp_path, version, advice):
    pretended(version)

    finished = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--pythonpath", str(ROOT), "-b", "127.0.0.1:0", "wsgi:app"],
        cwd=tmp_path,
        env={"DATABASE_URL": settings.database_url, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    (line,) = [line for line in finished.stderr.splitlines() if line.startswith("countersign:")]
    assert f"its tables are at version {version}" in line
    assert advice in line
    assert finished.returncode == 3
    assert "Traceback" not in finished.stderr


def test_the_signing_service_does_not_start_on_tables_of_a_newer_program(tmp_path):
    with databases.empty(tmp_path) as url:
        database = open_database(url)
        databases.pretend_version(database.engine, NEWER)

        with pytest.raises(WrongSchema, match=r"SIGNER_DATABASE_URL .* version 9999"):
            upgrade_signer(database.engine)
        database.engine.dispose()


def test_tables_that_fit_are_no_reason_to_stop(app):
    with app.app_context():
        require_schema(db.engine, MIGRATIONS, place="DATABASE_URL")


def current_version():
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
