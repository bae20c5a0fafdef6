"""kill -9 of the worker at each step of an attempt: another one delivers after the lease, and nothing is lost."""

import multiprocessing
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain import clock
from app.extensions import db
from app.services import delivering
from tests.callers import make_recipient, rewire
from tests.crashes.mortal import points_passed
from tests.crashes.webhook_attempts import LoggedReceiver, Task, perform
from tests.fakes.inspector import TrustingInspector
from tests.webhooks import attempts, deliveries, subscribe

pytestmark = pytest.mark.processes

#: Of one delivery, then of the one that waited for it: claim, send, record and claim; the last finds nothing to claim.
STEPS = (
    "01 before commit",
    "02 after commit",
    "03 before webhooks.send",
    "04 after webhooks.send",
    "05 before commit",
    "06 after commit",
    "07 before webhooks.send",
    "08 after webhooks.send",
    "09 before commit",
    "10 after commit",
)

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.crashes.webhook_attempts"])


@pytest.fixture
def receiver(tmp_path):
    return LoggedReceiver(tmp_path / "received.txt")


@pytest.fixture
def queued(app, api, time):
    """Two events of one request, the second of which waits for the first."""
    rewire(app, inspector=TrustingInspector())
    subscribe(app, api)
    created = api.created(renderId=api.upload(b"%PDF-1.7"), recipients=[make_recipient()])
    time.advance(seconds=1)
    assert api.post(f"/v1/signatures/{created['id']}/cancel").status_code == 200
    with app.app_context():
        db.engine.dispose()  # The other process has connections of its own.
    return [str(delivery.id) for delivery in deliveries(app)]


def deliver_and_die(settings, receiver, *, crash_at):
    """Return the steps that a worker passed, None when it was killed."""
    task = Task(settings=settings, now=clock.utcnow(), receiver=receiver, crash_at=crash_at)
    return points_passed(forks, perform, task)


def test_the_steps_are_all_there_are(settings, queued, receiver):
    assert tuple(deliver_and_die(settings, receiver, crash_at=None)) == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_at_a_step_costs_no_more_than_its_lease(app, settings, deps, queued, receiver, time, step):
    assert deliver_and_die(settings, receiver, crash_at=step) is None
    before = len(receiver.received())

    time.advance(seconds=delivering.LEASE_SLACK.total_seconds() + settings.webhook_timeout)
    with app.app_context():
        delivering.run_once(limit=4, deps=replace(deps, webhooks=receiver))

    received = receiver.received()
    told = [line.partition(" ")[0] for line in received]
    assert list(dict.fromkeys(told)) == queued
    assert len(told) - len(queued) in {0, 1}
    assert len(set(received)) == len(queued), "bytes differ between attempts"
    assert len(received) >= before
    assert [each.status for each in deliveries(app)] == ["delivered"] * 2
    assert [(each.number, each.status) for each in attempts(app)] == [(1, 204)] * 2
    assert all(each.finished_at - each.created_at < timedelta(minutes=2) for each in deliveries(app))
