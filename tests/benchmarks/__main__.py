"""`make bench`: measure every figure, print the table, and keep it in `latest.md`.

`make bench FIGURES="rates start"` measures some of them, and only prints.
"""

import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from app.domain import clock
from tests.benchmarks import (
    growth,
    memory,
    page_pictures,
    rates,
    sealing,
    signer_memory,
    slow_provider,
    start,
    webhook_delay,
    webhook_rate,
)
from tests.benchmarks.table import Row, markdown
from tests.databases import POSTGRES_URL

LATEST = Path(__file__).parent / "latest.md"

#: One module per figure; each measures its floor in the same run.
FIGURES: Mapping[str, Callable[[], Sequence[Row]]] = {
    "rates": rates.measure,
    "growth": growth.measure,
    "slow_provider": slow_provider.measure,
    "start": start.measure,
    "memory": memory.measure,
    "webhook_rate": webhook_rate.measure,
    "webhook_delay": webhook_delay.measure,
    "sealing": sealing.measure,
    "signer_memory": signer_memory.measure,
    "page_pictures": page_pictures.measure,
}


def main(names: Sequence[str]) -> None:
    """Measure the named figures, or all."""
    unknown = set(names) - set(FIGURES)
    if unknown:
        sys.exit(f"There is no figure {', '.join(sorted(unknown))}; there are: {', '.join(FIGURES)}.")
    conditions = _conditions()
    rows = []
    for name in names or FIGURES:
        print(f"measuring {name} …", file=sys.stderr)
        measured = _in_a_process_of_its_own(name)
        print(markdown(measured), file=sys.stderr)
        rows += measured
    table = f"{conditions}\n\n{markdown(rows)}"
    print(table)
    if not names:
        LATEST.write_text(f"# The latest `make bench`\n\n{table}")


def _in_a_process_of_its_own(name: str) -> Sequence[Row]:
    """Measure a figure where nothing is left of another: no memory, no open files, no logging."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(FIGURES[name]).result()


def _conditions() -> str:
    """Say what the figures were measured on; a machine that has other work makes them less steady."""
    database = "PostgreSQL" if POSTGRES_URL else f"SQLite {sqlite3.sqlite_version}"
    return (
        f"{clock.utcnow():%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {database}, "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before it began."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
