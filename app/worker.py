"""Background work: each queue's `run_once` in turn, a short sleep when nothing was due."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import structlog
from flask import Flask
from structlog.contextvars import bound_contextvars

from app.extensions import warn_about_sqlite
from app.services import archive, delivering, discarding, doubt, polling, provider_events
from app.services.dependencies import Dependencies

log = structlog.get_logger(__name__)

#: Rows that one queue takes before the next has its turn.
BATCH = 20

#: Webhooks that are sent at a time: threads that mostly wait for receivers.
DELIVERIES_AT_A_TIME = 128


class Queue(Protocol):
    """A service function that attends to what is due."""

    def __call__(self, *, limit: int, deps: Dependencies) -> int:
        """Attend to at most `limit` rows at a time; return how many they were."""


Lane = Sequence[tuple[str, Queue, int]]

#: Queues that talk to the signing service or the storage, one after the other.
PROVIDER: Lane = (
    ("doubt", doubt.run_once, BATCH),
    ("provider events", provider_events.run_once, BATCH),
    ("polling", polling.run_once, BATCH),
    ("archive", archive.run_once, BATCH),
    ("discarded files", discarding.run_once, BATCH),
)
EVERYTHING: Lane = (*PROVIDER, (delivering.QUEUE, delivering.run_once, DELIVERIES_AT_A_TIME))


def run(app: Flask, deps: Dependencies, stop: threading.Event) -> None:
    """Work until told to stop; the job at hand is finished first."""
    warn_about_sqlite(deps.settings.database_url)
    log.info("worker started")
    # Webhooks have a thread of their own: they must not wait while a large file is fetched.
    deliver = partial(delivering.run_once, is_stopped=stop.is_set)
    lane = ((delivering.QUEUE, deliver, DELIVERIES_AT_A_TIME),)
    deliveries = threading.Thread(target=_run_lane, args=(app, deps, lane, stop), name="deliveries")
    deliveries.start()
    _run_lane(app, deps, PROVIDER, stop)
    deliveries.join()
    log.info("worker stopped")


def run_until_idle(app: Flask, deps: Dependencies) -> int:
    """Do all that is due now and return how many rows that were."""
    total = 0
    while done := run_pending(app, deps):
        total += done
    return total


def run_pending(
    app: Flask,
    deps: Dependencies,
    lane: Lane = EVERYTHING,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Give every queue of a lane one turn; a queue that fails is logged and does not stop the others."""
    total = 0
    for name, run_once, limit in lane:
        if is_stopped():
            break
        with app.app_context(), bound_contextvars(queue=name):
            try:
                total += run_once(limit=limit, deps=deps)
            except Exception:  # A fault in one queue must not end the worker: the lease brings the row back.
                log.exception("queue failed")
    return total


def _run_lane(app: Flask, deps: Dependencies, lane: Lane, stop: threading.Event) -> None:
    while not stop.is_set():
        if run_pending(app, deps, lane, is_stopped=stop.is_set) == 0:
            stop.wait(deps.settings.worker_idle_seconds)
