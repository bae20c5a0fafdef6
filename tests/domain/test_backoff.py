"""How long to wait before trying again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import backoff

FIRST, LONGEST = timedelta(seconds=5), timedelta(minutes=5)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300), (8, 300), (10_000, 300)]
)
def test_each_wait_is_twice_the_one_before_up_to_the_longest(attempts, seconds):
    assert backoff.exponential(attempts, first=FIRST, longest=LONGEST) == timedelta(seconds=seconds)


@given(st.integers())
def test_a_wait_is_never_shorter_than_the_first_nor_longer_than_the_longest(attempts):
    assert FIRST <= backoff.exponential(attempts, first=FIRST, longest=LONGEST) <= LONGEST
