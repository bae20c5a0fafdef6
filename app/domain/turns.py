"""The threads of a process take turns at what needs the processor.

Python runs one thread at a time, and lets another go on whenever the one that runs asks SQLite anything. With many
threads at work that exchange costs more than the answer. So whoever serves a request takes a turn, and gives it up
while waiting for something outside: the signing service, the disk, SQLite's one writer, a child process. With
PostgreSQL nobody takes turns: its answers come from outside, and asking it is most of what a request does.

Turns only put in order what would go on anyway: who has waited long enough goes on without one, and so nothing can hang
on a turn that is not given up.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

#: Seconds that a thread waits for its turn.
LONG_ENOUGH = 0.05

_turn = threading.Lock()
_held = threading.local()


@contextmanager
def taken() -> Iterator[None]:
    """Take a turn, and have it until the end or until it is given up; within one's own turn this does nothing."""
    if has_turn():
        yield
        return
    _take()
    try:
        yield
    finally:
        _give_up()


def by_turns(serve: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return the function as one whose callers each take a turn."""

    @wraps(serve)
    def in_turn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with taken():
            return serve(*args, **kwargs)

    return in_turn


@contextmanager
def given_up() -> Iterator[None]:
    """Let others have the turn while this thread waits for something; without a turn this does nothing."""
    was_held = _give_up()
    try:
        yield
    finally:
        if was_held:
            _take()


def has_turn() -> bool:
    """Tell whether this thread has the turn."""
    return getattr(_held, "is_mine", False)


def _take() -> None:
    _held.is_mine = _turn.acquire(timeout=LONG_ENOUGH)


def _give_up() -> bool:
    was_held = has_turn()
    if was_held:
        _held.is_mine = False
        _turn.release()
    return was_held
