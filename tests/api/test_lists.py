"""Lists: newest first, by a cursor that skips and repeats nothing (contract section 3)."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.expectations import assert_invalid, assert_refused
from tests.callers import ABSENT, make_caller
from tests.fakes.clock import FakeClock

RESOURCES = ["renders", "signatures"]
WRONG_LIMITS = ["0", "-1", "101", "1.5", "1.0", "ten", "", "1e1", " 1", "+1", "\N{ARABIC-INDIC DIGIT THREE}", "9" * 30]


def reserve(api):
    return api.post("/v1/renders", json={}).json["id"]


def fill(api, resource, count):
    """Make so many of a resource; return their ids, newest first."""
    if resource == "renders":
        ids = [reserve(api) for _ in range(count)]
    else:
        render_id = api.upload()
        ids = [api.created(renderId=render_id)["id"] for _ in range(count)]
    return ids[::-1]


def fetch(api, resource, **query):
    answer = api.get(f"/v1/{resource}", query_string=query)
    assert answer.status_code == 200, answer.json
    assert list(answer.json) == [resource, "nextCursor", "hasMore"]
    return answer.json


def ids_of(page, resource):
    return [row["id"] for row in page[resource]]


def walk(api, resource, sizes):
    """Follow the cursor to the end, with a page size for each step; return the ids in the order they came."""
    found, cursor, step = [], {}, 0
    while True:
        page = fetch(api, resource, limit=sizes[step % len(sizes)], **cursor)
        found += ids_of(page, resource)
        if not page["hasMore"]:
            return found
        cursor, step = {"cursor": page["nextCursor"]}, step + 1


@pytest.mark.parametrize("resource", RESOURCES)
def test_an_empty_list_has_no_cursor(api, resource):
    assert fetch(api, resource) == {resource: [], "nextCursor": None, "hasMore": False}


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_newest_is_first_and_looks_as_it_does_alone(api, resource):
    ids = fill(api, resource, 3)

    page = fetch(api, resource)

    assert ids_of(page, resource) == ids
    assert page[resource] == [api.get(f"/v1/{resource}/{found}").json for found in ids]


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_next_cursor_is_when_the_last_row_was_created(api, resource):
    fill(api, resource, 3)

    page = fetch(api, resource, limit=2)

    assert page["nextCursor"] == page[resource][-1]["createdAt"]
    assert page["hasMore"] is True


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_last_full_page_says_that_there_is_no_more_and_has_a_cursor(api, resource):
    fill(api, resource, 2)

    page = fetch(api, resource, limit=2)

    assert page["hasMore"] is False
    assert page["nextCursor"] == page[resource][-1]["createdAt"]
    assert fetch(api, resource, cursor=page["nextCursor"]) == {resource: [], "nextCursor": None, "hasMore": False}


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize(
    "limit", ["0", "-1", "101", "1.5", "1.0", "ten", "", "1e1", " 1", "+1", "\N{ARABIC-INDIC DIGIT THREE}", "9" * 30]
)
def test_a_limit_outside_1_to_100_is_refused_and_not_clamped(api, resource, limit):
    assert_invalid(api.get(f"/v1/{resource}", query_string={"limit": limit}), "limit")


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("limit", [1, 100])
def test_a_limit_at_the_edge_is_taken(api, resource, limit):
    fill(api, resource, 2)

    assert len(fetch(api, resource, limit=limit)[resource]) == min(limit, 2)


def test_a_page_has_50_rows_unless_the_caller_says(api):
    fill(api, "renders", 51)

    page = fetch(api, "renders")

    assert len(page["renders"]) == 50
    assert page["hasMore"] is True


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "yesterday",
        "2026-06-05",
        "2026-06-05T10:00:00",
        "2026-06-05T10:00:00.000",
        "2026-06-05 10:00:00Z",
        "2026-06-05T10:00Z",
        "20260605T100000Z",
        "2026-06-05T10:00:00+0200",
        "2026-06-05T10:00:00,5Z",
        "2026-02-30T10:00:00Z",
        "2026-06-05T25:00:00Z",
        "2026-06-05T10:00:00+25:00",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00",
        "1780653600",
        "2026-06-05T10:00:00Z\n",
        "\N{FULLWIDTH DIGIT TWO}026-06-05T10:00:00Z",
    ],
)
def test_what_is_no_time_with_an_offset_is_refused(api, resource, cursor):
    assert_invalid(api.get(f"/v1/{resource}", query_string={"cursor": cursor}), "cursor")


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("query", ["unknown=1", "Limit=1", "limit=1&offset=0"])
def test_an_unknown_parameter_is_refused(api, resource, query):
    assert_refused(api.get(f"/v1/{resource}?{query}"), 400, "invalid_request")


def test_a_list_of_renders_has_no_filter(api):
    assert_invalid(api.get(f"/v1/renders?renderId={ABSENT}"), "renderId")


def spellings(moment):
    """Yield the same moment as a caller may write it, ready for a query string."""
    utc = moment.isoformat(timespec="milliseconds").removesuffix("+00:00")
    east = (moment + timedelta(hours=2)).isoformat(timespec="milliseconds").removesuffix("+00:00")
    west = (moment - timedelta(hours=9, minutes=30)).isoformat(timespec="milliseconds").removesuffix("+00:00")
    yield f"{utc}Z"
    yield f"{utc}000000Z"
    yield f"{utc.replace('T', 't')}z"
    yield f"{utc}%2B00:00"
    yield f"{utc}-00:00"
    yield f"{east}%2B02:00"
    yield f"{east}+02:00"  # A `+` that nobody encoded arrives as a space.
    yield f"{east}%2002:00"
    yield f"{west}-09:30"


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_cursor_may_have_any_offset(api, resource, time):
    ids = fill(api, resource, 3)
    second = fetch(api, resource)[resource][1]["createdAt"]

    for cursor in spellings(datetime.fromisoformat(second)):
        page = api.get(f"/v1/{resource}?cursor={cursor}").json
        assert ids_of(page, resource) == ids[2:], cursor


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_cursor_means_strictly_before(api, resource, time):
    (found,) = fill(api, resource, 1)
    created = datetime.fromisoformat(fetch(api, resource)[resource][0]["createdAt"])

    def at(milliseconds):
        moment = created + timedelta(milliseconds=milliseconds)
        return ids_of(fetch(api, resource, cursor=moment.isoformat()), resource)

    assert at(0) == []
    assert at(1) == [found]
    assert at(-1) == []


def test_a_list_can_be_of_one_render(api):
    first, second = api.upload(), api.upload()
    wanted = [api.created(renderId=first)["id"] for _ in range(2)]
    api.created(renderId=second)

    page = fetch(api, "signatures", renderId=first)
    assert ids_of(page, "signatures") == wanted[::-1]
    assert ids_of(fetch(api, "signatures", renderId=first, cursor=page["nextCursor"]), "signatures") == []
    assert ids_of(fetch(api, "signatures", renderId=first, limit=1), "signatures") == wanted[1:]
    assert fetch(api, "signatures", renderId=first, limit=1)["hasMore"] is True


def test_the_list_of_an_unknown_render_is_empty(app, api):
    stranger = make_caller(app, "Stranger")
    theirs = stranger.upload()
    stranger.created(renderId=theirs)

    for render_id in (ABSENT, theirs):
        assert fetch(api, "signatures", renderId=render_id)["signatures"] == []


@pytest.mark.parametrize("render_id", ["", "order-1", "0193c2c3", f"{{{ABSENT}}}"])
def test_a_malformed_render_id_is_refused(api, render_id):
    assert_invalid(api.get("/v1/signatures", query_string={"renderId": render_id}), "renderId")


def test_rows_of_one_millisecond_get_times_of_their_own(api, time):
    fill(api, "signatures", 3)

    times = [row["createdAt"] for row in fetch(api, "signatures")["signatures"]]

    assert times == ["2026-06-05T10:00:00.002Z", "2026-06-05T10:00:00.001Z", "2026-06-05T10:00:00.000Z"]


def test_a_clock_that_goes_back_puts_nothing_behind_a_cursor(api, time):
    fill(api, "renders", 1)
    cursor = fetch(api, "renders")["nextCursor"]
    time.advance(hours=-1)

    fill(api, "renders", 1)

    assert fetch(api, "renders", cursor=cursor)["renders"] == []
    assert len(fetch(api, "renders")["renders"]) == 2


#: Steps of the clock between two creations, in milliseconds: ties are frequent, going back happens.
STEPS = st.lists(st.sampled_from([0, 0, 0, 1, 2, 1000, -1]), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, sizes=st.lists(st.integers(min_value=1, max_value=4), min_size=1, max_size=4))
def test_paging_skips_and_repeats_nothing(app, steps, sizes):
    api = make_caller(app)
    time = FakeClock()
    with pytest.MonkeyPatch.context() as monkeypatch:
        time.install(monkeypatch)
        ids = []
        for step in steps:
            time.advance(milliseconds=step)
            ids.append(reserve(api))

        assert walk(api, "renders", sizes) == ids[::-1]


def test_paging_is_not_disturbed_by_what_is_created_meanwhile(api):
    ids = fill(api, "renders", 4)
    first = fetch(api, "renders", limit=2)

    fill(api, "renders", 2)

    assert ids_of(first, "renders") == ids[:2]
    assert ids_of(fetch(api, "renders", cursor=first["nextCursor"]), "renders") == ids[2:]


def test_every_signature_request_is_met_once(api, time):
    ids = fill(api, "signatures", 7)

    assert walk(api, "signatures", [1, 3, 2]) == ids
