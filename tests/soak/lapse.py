"""Hours of background work in seconds: the worker, with a clock that is moved on between its rounds.

A worker that is killed keeps its rows until their leases end, and a given-up request is looked for again after ten
minutes. Nobody waits that long for a soak to end, so after the load is over one worker goes on in later times.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask

from app import worker
from app.domain import clock
from app.services.dependencies import Dependencies

#: Longer than the minute over which the poller's budget is counted.
STEP = timedelta(seconds=61)


@contextmanager
def later_times() -> Iterator[Callable[[], timedelta]]:
    """Give a function that moves this process's clock on by a step, and returns by how much in all."""
    true_time = clock.utcnow
    ahead = timedelta(0)

    def advance() -> timedelta:
        nonlocal ahead
        ahead += STEP
        return ahead

    clock.utcnow = lambda: true_time() + ahead
    try:
        yield advance
    finally:
        clock.utcnow = true_time


def drain(app: Flask, deps: Dependencies, *, is_done: Callable[[], bool], longest: timedelta) -> timedelta:
    """Work in later and later times until it is done, or `longest` has passed; return how much that was."""
    ahead = timedelta(0)
    with later_times() as advance:
        worker.run_until_idle(app, deps)
        while not is_done() and ahead < longest:
            ahead = advance()
            worker.run_until_idle(app, deps)
    return ahead
