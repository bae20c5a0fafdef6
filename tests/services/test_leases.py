"""Due rows have one worker at a time."""

from datetime import timedelta

import pytest

from app.domain import clock
from app.domain.ids import new_id
from app.models import ProviderEvent
from app.services import leases
from app.services.unit_of_work import reading, unit_of_work
from tests.threads import at_once

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def in_app(app):
    with app.app_context():
        yield


def make_event(**overrides):
    row = {
        "id": new_id(),
        "type": "x",
        "body": b"",
        "received_at": clock.utcnow(),
        "due_at": clock.utcnow(),
    } | overrides
    with unit_of_work() as session:
        session.add(ProviderEvent(event_id=str(row["id"]), **row))
    return row["id"]


def claim(limit=10, *conditions):
    with unit_of_work() as session:
        return leases.claim(session, ProviderEvent, *conditions, limit=limit, lease=MINUTE)


def release(held, *, after):
    with unit_of_work() as session:
        row = session.get_one(ProviderEvent, held.row_id)
        if not leases.holds(row, held):
            return False
        leases.release(row, after=after)
    return True


def read(row_id):
    with reading() as session:
        return session.get_one(ProviderEvent, row_id)


def test_a_due_row_is_claimed_once(time):
    row_id = make_event()

    (held,) = claim()

    assert (held.row_id, held.attempts) == (row_id, 1)
    assert claim() == []


def test_what_is_not_due_is_left_alone(time):
    make_event(due_at=clock.utcnow() + clock.ONE_MILLISECOND)
    make_event(due_at=None)

    assert claim() == []


def test_the_longest_due_are_claimed_first_and_no_more_than_asked(time):
    ids = [make_event(due_at=clock.utcnow() - minutes * MINUTE) for minutes in (1, 3, 2)]

    claimed = {held.row_id for held in claim(2)}

    assert claimed == {ids[1], ids[2]}


def test_a_condition_narrows_the_claim(time):
    make_event()
    wanted = make_event(type="y")

    assert [held.row_id for held in claim(10, ProviderEvent.type == "y")] == [wanted]


def test_two_claimers_never_get_the_same_row(app):
    ids = {make_event() for _ in range(12)}

    def work(_number):
        with app.app_context():
            found = []
            while claims := claim(2):
                found += [held.row_id for held in claims]
            return found

    claimed = [row_id for found in at_once(4, work) for row_id in found]

    assert sorted(claimed) == sorted(ids)


def test_the_row_of_a_dead_worker_comes_back_when_its_lease_ends(time):
    make_event()
    claim()

    time.advance(seconds=59)
    assert claim() == []
    time.advance(seconds=1)

    (again,) = claim()
    assert again.attempts == 2


def test_who_lost_the_lease_cannot_finish(time):
    row_id = make_event()
    (stale,) = claim()
    time.advance(minutes=1)
    (current,) = claim()

    assert not release(stale, after=None)
    assert read(row_id).due_at is not None
    assert release(current, after=None)
    assert read(row_id).due_at is None


def test_a_released_row_is_due_again_after_its_wait(time):
    make_event()
    (held,) = claim()
    release(held, after=MINUTE)

    assert claim() == []
    time.advance(minutes=1)
    (again,) = claim()
    assert again.attempts == 2


def test_a_row_that_is_done_starts_to_count_anew(time):
    row_id = make_event()
    (held,) = claim()

    release(held, after=None)

    assert (read(row_id).attempts, read(row_id).lease_until, read(row_id).lease_token) == (0, None, None)


def test_a_row_that_fails_does_not_stop_the_others(time):
    ids = [make_event(due_at=clock.utcnow() - minutes * MINUTE) for minutes in (3, 2, 1)]
    attended = []

    def attend(held):
        attended.append(held.row_id)
        if held.row_id == ids[0]:
            raise ZeroDivisionError

    leases.attend_each(claim(), attend)

    assert sorted(attended) == sorted(ids)
    assert read(ids[0]).lease_token is not None
