"""`make bench`: measure every figure, print the table, and keep it in `latest.md`."""

import os
import platform
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from app.domain import clock
from tests.benchmarks import webhook_delay, webhook_rate
from tests.benchmarks.table import Row, markdown
from tests.databases import POSTGRES_URL

LATEST = Path(__file__).parent / "latest.md"

#: One module per figure; each measures its floor in the same run.
FIGURES: Sequence[Callable[[], Sequence[Row]]] = (webhook_rate.measure, webhook_delay.measure)


def main() -> None:
    """Measure everything."""
    conditions = _conditions()
    rows = [row for measure in FIGURES for row in measure()]
    table = f"{conditions}\n\n{markdown(rows)}"
    print(table)
    LATEST.write_text(f"# The latest `make bench`\n\n{table}")


def _conditions() -> str:
    """Say what the figures were measured on; a machine that has other work makes them less steady."""
    database = "PostgreSQL" if POSTGRES_URL else f"SQLite {sqlite3.sqlite_version}"
    return (
        f"{clock.utcnow():%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {database}, "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before it began."
    )


if __name__ == "__main__":
    main()
