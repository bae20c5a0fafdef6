"""How long to wait before trying again."""

import random
from datetime import timedelta


def exponential(attempts: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """Return the wait after that many attempts (from 1): `first`, doubled each time, at most `longest`."""
    doublings = min(max(attempts, 1) - 1, 32)
    wait: timedelta = first * 2**doublings
    return min(wait, longest)


def jittered(wait: timedelta, *, share: float) -> timedelta:
    """Return the wait, longer or shorter by up to that share of it: what failed together shall not return together.

    It is whole milliseconds, as every time is here.
    """
    return timedelta(milliseconds=round(random.uniform(1 - share, 1 + share) * wait.total_seconds() * 1000))
