"""`make soak`: run the real processes under faults and kills, and print one line of totals."""

import argparse
import secrets
import signal
import sys

from tests.soak.plan import Plan
from tests.soak.run import Totals, default_folder, soak

#: More than a create call whose caller was killed can be in flight (`doubt.in_flight_window`), and some retries.
SETTLE_SECONDS = 75
#: Starting, settling, draining and checking together; on a slow machine they take some minutes.
MOST_SECONDS_BESIDE_LOAD = 1800


def main() -> int:
    """Run a soak; return 1 when something does not hold."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--database", default=None, help="a PostgreSQL server; SQLite without")
    parser.add_argument("--storage", choices=("folder", "s3"), default="folder", help="s3 is a server of its own")
    parser.add_argument("--hosts", type=int, default=1, help="how many hosts the API runs on")
    wish = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if wish.seed is None else wish.seed
    plan = Plan(
        seconds=wish.minutes * 60,
        seed=seed,
        database=wish.database or None,
        folder=default_folder(seed).absolute(),
        settle_seconds=SETTLE_SECONDS,
        hosts=wish.hosts,
        in_s3=wish.storage == "s3",
    )
    # A stop from outside, or because it takes far too long, unwinds like an error, so that no process is left.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, lambda received, _frame: sys.exit(f"soak: stopped by {signal.Signals(received).name}"))
    signal.alarm(round(plan.seconds + MOST_SECONDS_BESIDE_LOAD))
    print(f"soak: {wish.minutes:g} minutes, seed {seed}, {plan.kind}, logs in {plan.folder}", flush=True)
    totals = soak(plan)
    print(describe(totals))
    return 1 if totals.violations else 0


def describe(totals: Totals) -> str:
    """Return what happened, what does not hold, and the line of totals at the end."""
    counts = ", ".join(f"{what} {number}" for what, number in sorted(totals.counts.items()))
    broken = [f"VIOLATION ({each.kind}): {each.sentence}" for each in totals.violations]
    lapse = f"Leases and late looks took {totals.lapse.total_seconds() / 60:.0f} min of later times."
    return "\n".join([counts, lapse, *broken, totals.line])


if __name__ == "__main__":
    sys.exit(main())
