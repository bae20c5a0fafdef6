"""Runs a task in a process that may kill itself."""

import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from typing import Any


def points_passed(forks: ForkServerContext, perform: Callable[..., None], task: Any) -> list[str] | None:
    """Run the task in a process of its own; return the points that it passed, None when it was killed."""
    ours, theirs = forks.Pipe(duplex=False)
    process = forks.Process(target=perform, args=(task, theirs))
    process.start()
    theirs.close()
    try:
        passed = ours.recv()
    except EOFError:
        passed = None
    process.join()
    assert process.exitcode == (0 if passed is not None else -signal.SIGKILL)
    process.close()
    ours.close()
    return passed
