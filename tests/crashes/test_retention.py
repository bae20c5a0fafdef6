"""A purge or an erasure that is killed at any step: no row without its file, and the next run finishes it."""

import multiprocessing
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from app.extensions import db
from tests.builders.ceremonies import finish, work
from tests.crashes.mortal import points_passed
from tests.crashes.retention import Task, perform
from tests.databases import POSTGRES_URL
from tests.provider_events import deliver, make_event

pytestmark = [pytest.mark.crashes, pytest.mark.skipif(bool(POSTGRES_URL), reason="copies files")]

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.crashes.retention"])

#: A killed worker's claim of a file to be removed runs out after this.
LEASE_MINUTES = 4


@pytest.fixture
def completed(app, api, signing, time):
    """Return the id of a request that completed a week ago, with three files; nobody has the database open."""
    created = api.created()
    finish(signing)
    deliver(app, make_event(signing.only().provider_id))
    work(app)
    time.advance(days=7)
    with app.app_context():
        db.engine.dispose()
    return created["id"]


def run(task):
    """Run the task in a process of its own; return the points that it passed, None when it was killed."""
    return points_passed(forks, perform, task)


def kept_files(folder):
    return {str(path.relative_to(folder / "storage")) for path in (folder / "storage").rglob("*.pdf")}


def query(folder, statement):
    with closing(sqlite3.connect(folder / "test.db")) as connection:
        return [value for (value,) in connection.execute(statement)]


@pytest.mark.parametrize("operation", ["purge", "erase"])
def test_killed_at_any_step_it_is_finished_by_the_next_run(
    operation, completed, settings, time, tmp_path, record_property
):
    def installation(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(tmp_path / "test.db", folder)
        shutil.copytree(tmp_path / "storage", folder / "storage")
        return folder

    def task(folder, crash_at=None):
        here = replace(
            settings, database_url=f"sqlite:///{folder / 'test.db'}", storage_url=f"file:{folder / 'storage'}"
        )
        return Task(operation=operation, settings=here, now=time.now, request_id=completed, crash_at=crash_at)

    points = run(task(installation(0)))
    assert {point[3:] for point in points} >= {"after commit", "before storage.delete", "after storage.delete"}
    start = time.now
    for number, point in enumerate(points, start=1):
        folder, time.now = installation(number), start

        assert run(task(folder, crash_at=point)) is None

        named = query(folder, "SELECT key FROM stored_files WHERE erased_at IS NULL")
        assert set(named) <= kept_files(folder), point
        time.advance(minutes=LEASE_MINUTES)
        assert run(task(folder)) is not None
        assert kept_files(folder) == set(), point
        assert query(folder, "SELECT count(*) FROM discarded_files") == [0]
        left = query(folder, "SELECT count(*) FROM signature_requests WHERE erased_at IS NULL")
        assert left == [0], point
    record_property("crash_cases", len(points))
