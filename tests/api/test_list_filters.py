"""Filters of the list of requests: by status and by time, alone and together, and fast among many."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from app.domain.lifecycle import Status
from app.extensions import db
from tests.api.expectations import assert_invalid
from tests.builders.rows import insert_render, insert_requests
from tests.callers import make_caller
from tests.databases import POSTGRES_URL

START = datetime(2026, 6, 5, 10, 0, 0, tzinfo=UTC)
VISIBLE = [status for status in Status if status is not Status.CREATING]


def at(milliseconds):
    return START + timedelta(milliseconds=milliseconds)


def insert(app, api, statuses):
    """Insert a request of each status, a millisecond apart, all of one render; return their ids, oldest first."""
    render_id = insert_render(app, api.project_id, created_at=START)
    rows = [(render_id, status, at(number)) for number, status in enumerate(statuses)]
    return [str(each) for each in insert_requests(app, api.project_id, rows)]


def listed(api, **query):
    answer = api.get("/v1/signatures", query_string=query)
    assert answer.status_code == 200, answer.json
    return [row["id"] for row in answer.json["signatures"]]


def test_a_list_can_be_of_one_status(app, api):
    sent, viewed, again = insert(app, api, ["sent", "viewed", "sent"])

    assert listed(api, status="sent") == [again, sent]
    assert listed(api, status="viewed") == [viewed]
    assert listed(api, status="expired") == []


def test_a_status_given_again_adds_to_the_list(app, api):
    sent, viewed, _, again = insert(app, api, ["sent", "viewed", "failed", "sent"])

    assert listed(api, status=["viewed", "sent"]) == [again, viewed, sent]
    assert listed(api, status=["sent", "sent"]) == [again, sent]


@pytest.mark.parametrize("status", ["", "creating", "SENT", "sent,viewed", "done"])
def test_a_status_that_does_not_exist_is_refused(api, status):
    assert_invalid(api.get("/v1/signatures", query_string={"status": ["sent", status]}), "status.1")


def test_both_times_are_exclusive(app, api):
    first, second, third = insert(app, api, ["sent"] * 3)

    assert listed(api, createdAfter=at(0).isoformat()) == [third, second]
    assert listed(api, createdBefore=at(2).isoformat()) == [second, first]
    assert listed(api, createdAfter=at(0).isoformat(), createdBefore=at(2).isoformat()) == [second]
    assert listed(api, createdAfter=at(1).isoformat(), createdBefore=at(1).isoformat()) == []


@pytest.mark.parametrize("name", ["createdAfter", "createdBefore"])
def test_a_time_needs_an_offset(api, name):
    assert_invalid(api.get("/v1/signatures", query_string={name: "2026-06-05T10:00:00"}), name)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/v1/signatures", "limit", "1"),
        ("/v1/signatures", "cursor", "2026-06-05T10:00:00Z"),
        ("/v1/signatures", "createdAfter", "2026-06-05T10:00:00Z"),
        ("/v1/renders", "limit", "1"),
        ("/v1/webhooks", "limit", "1"),
    ],
)
def test_a_parameter_that_is_no_list_is_given_once(api, path, name, value):
    assert_invalid(api.get(path, query_string={name: [value, value]}), name)


STATUSES = st.lists(st.sampled_from([*Status]), max_size=12)
MOMENTS = st.none() | st.integers(min_value=-1, max_value=13)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(VISIBLE)), max_size=12),
    render=st.none() | st.integers(0, 1),
    wanted=st.frozensets(st.sampled_from(VISIBLE)),
    after=MOMENTS,
    before=MOMENTS,
    limit=st.integers(1, 4),
)
def test_any_filters_together_give_exactly_what_they_say_page_by_page(app, rows, render, wanted, after, before, limit):
    api = make_caller(app)
    renders = [insert_render(app, api.project_id, created_at=at(number)) for number in range(2)]
    values = [(renders[which], status, at(number)) for number, (which, status) in enumerate(rows)]
    ids = insert_requests(app, api.project_id, values) if values else []
    expected = [
        str(found)
        for number, (found, (which, status)) in enumerate(zip(ids, rows, strict=True))
        if (render is None or which == render)
        and (not wanted or status in wanted)
        and (after is None or number > after)
        and (before is None or number < before)
    ]
    query = {"limit": limit, "status": [*wanted]}
    query |= {} if render is None else {"renderId": renders[render]}
    query |= {} if after is None else {"createdAfter": at(after).isoformat()}
    query |= {} if before is None else {"createdBefore": at(before).isoformat()}

    found, page = [], {"hasMore": True}
    while page["hasMore"]:
        page = api.get("/v1/signatures", query_string=query).json
        assert len(page["signatures"]) == limit or not page["hasMore"]
        found += [row["id"] for row in page["signatures"]]
        query["cursor"] = page["nextCursor"]

    assert found == expected[::-1]


#: What SQLite does for one step of its own is done in nanoseconds; reading all of MANY rows takes far more of them.
MANY = 10_000
FEW_STEPS = 20_000


@contextmanager
def counted_steps(app):
    """Count the steps of SQLite's virtual machine, in hundreds."""
    steps = []

    def install(connection, _record):
        connection.set_progress_handler(lambda: steps.append(100), 100)

    with app.app_context():
        db.engine.dispose()
        event.listen(db.engine, "connect", install)
        yield steps
        event.remove(db.engine, "connect", install)
        db.engine.dispose()


@pytest.mark.skipif(bool(POSTGRES_URL), reason="counts the steps of SQLite")
def test_no_filter_makes_the_database_read_everything(app, api):
    rare = insert_render(app, api.project_id, created_at=START)
    common = insert_render(app, api.project_id, created_at=at(1))
    oldest = [(rare, status, at(number)) for number, status in enumerate(["declined", "expired", "declined"])]
    insert_requests(app, api.project_id, oldest + [(common, "completed", at(number)) for number in range(3, MANY)])

    for query, rows in (
        ({}, 50),
        ({"status": "completed"}, 50),
        ({"status": "declined"}, 2),
        ({"status": ["declined", "expired"]}, 3),
        ({"status": [*VISIBLE]}, 50),
        ({"status": ["completed", "expired"], "createdBefore": at(MANY // 2).isoformat()}, 50),
        ({"status": ["declined"], "createdAfter": at(0).isoformat()}, 1),
        ({"createdAfter": at(MANY // 2).isoformat(), "createdBefore": at(MANY // 2 + 9).isoformat()}, 8),
        ({"renderId": rare}, 3),
        ({"renderId": rare, "status": ["completed", "declined"]}, 2),
        ({"renderId": rare, "status": "completed"}, 0),
    ):
        with counted_steps(app) as steps:
            assert len(listed(api, **query)) == rows, query
        assert sum(steps) < FEW_STEPS, query
