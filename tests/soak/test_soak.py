"""A short soak: the real processes under faults and kills, for as long as a test may take."""

from pathlib import Path

import pytest

from tests.databases import POSTGRES_URL
from tests.soak.__main__ import describe
from tests.soak.plan import Plan
from tests.soak.run import soak


@pytest.mark.crashes
def test_nobody_is_mailed_twice_and_nothing_is_lost_under_faults_and_kills(tmp_path: Path) -> None:
    # Where the database is not on this machine, nothing else is.
    is_shared = POSTGRES_URL is not None
    plan = Plan(
        seconds=7,
        seed=7,
        database=POSTGRES_URL,
        folder=tmp_path,
        settle_seconds=1,
        clients=4,
        hosts=2 if is_shared else 1,
        in_s3=is_shared,
    )
    totals = soak(plan)
    print(totals.line)
    assert not totals.violations, describe(totals)
    assert totals.requests > 0
    assert any(what.startswith("killed") for what in totals.counts)
