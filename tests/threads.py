"""Threads that start together, or that stop where the test wants them to."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

#: A thread that waits longer than this for another has found a deadlock.
PATIENCE = 20


def at_once(count: int, act: Callable[[int], Result]) -> list[Result]:
    """Run `act(number)` in so many threads that start together; return what they returned."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Result:
        barrier.wait(PATIENCE)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


class Gate:
    """Stops a thread inside a call until the test lets it go on."""

    def __init__(self, error: Exception | None = None) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.error = error

    def __call__(self) -> None:
        self.entered.set()
        assert self.opened.wait(PATIENCE)
        if self.error:
            raise self.error
