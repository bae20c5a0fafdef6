"""How long to wait before trying again."""

from datetime import timedelta


def exponential(attempts: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """Return the wait after that many attempts (from 1): `first`, doubled each time, at most `longest`."""
    doublings = min(max(attempts, 1) - 1, 32)
    wait: timedelta = first * 2**doublings
    return min(wait, longest)
