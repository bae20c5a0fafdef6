"""How far a long command is."""

from collections.abc import Callable

import click

from app.domain import clock


def progress() -> Callable[[str, int], None]:
    """Return what says on standard error, at most once a second, how far a copy is."""
    next_at = clock.monotonic() + 1

    def report(what: str, count: int) -> None:
        nonlocal next_at
        if clock.monotonic() >= next_at:
            next_at = clock.monotonic() + 1
            click.echo(f"{what}: {count} so far", err=True)

    return report
