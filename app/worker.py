"""Background work: each queue's `run_once` in turn, a short sleep when nothing was due."""

import threading
from collections.abc import Callable
from typing import Protocol

import structlog
from flask import Flask

from app.services import archive, doubt, polling, provider_events
from app.services.dependencies import Dependencies

log = structlog.get_logger(__name__)

#: Rows that one queue takes before the next has its turn.
BATCH = 20


class Queue(Protocol):
    """A service function that attends to what is due."""

    def __call__(self, *, limit: int, deps: Dependencies) -> int:
        """Attend to at most `limit` rows; return how many."""


QUEUES: tuple[tuple[str, Queue], ...] = (
    ("doubt", doubt.run_once),
    ("provider events", provider_events.run_once),
    ("polling", polling.run_once),
    ("archive", archive.run_once),
)


def run(app: Flask, deps: Dependencies, stop: threading.Event) -> None:
    """Work until told to stop; the job at hand is finished first."""
    log.info("worker started")
    while not stop.is_set():
        if run_pending(app, deps, is_stopped=stop.is_set) == 0:
            stop.wait(deps.settings.worker_idle_seconds)
    log.info("worker stopped")


def run_until_idle(app: Flask, deps: Dependencies) -> int:
    """Do all that is due now and return how many rows that were."""
    total = 0
    while done := run_pending(app, deps):
        total += done
    return total


def run_pending(app: Flask, deps: Dependencies, *, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Give every queue one turn; a queue that fails is logged and does not stop the others."""
    total = 0
    for name, run_once in QUEUES:
        if is_stopped():
            break
        with app.app_context():
            try:
                total += run_once(limit=BATCH, deps=deps)
            except Exception:  # A fault in one queue must not end the worker: the lease brings the row back.
                log.exception("queue failed", queue=name)
    return total
