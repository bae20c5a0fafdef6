"""Finding an envelope whose create got no answer."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.errors import ProviderUnavailable
from app.domain.ports import EnvelopeStatus, FoundEnvelope
from tests.gateways.envelopes import BASE_URL, ENVELOPE_ID, REFERENCE, make_client

LIST_URL = f"{BASE_URL}/signing-requests"
AFTER = datetime(2026, 6, 5, 10, 0, 0, 123456, tzinfo=UTC)


def item(**overrides):
    return {"id": ENVELOPE_ID, "name": "Lease", "description": f"ref:{REFERENCE}", "status": "in_progress", **overrides}


def page(*items, pages=1):
    return {"results": list(items), "pagination": {"current_page": 1, "page_size": 200, "total_pages": pages}}


def find(name="Lease"):
    return make_client().find_by_reference(REFERENCE, name=name, created_after=AFTER)


def test_an_envelope_is_found_by_its_description(requests_mock):
    call = requests_mock.get(LIST_URL, json=page(item(id="other", description="ref:other"), item()))

    assert find() == (FoundEnvelope(provider_id=ENVELOPE_ID, status=EnvelopeStatus.OPEN),)
    assert call.last_request.qs == {
        "created_after": ["2026-06-05t10:00:00.123z"],
        "name": ["lease"],
        "sort_by": ["created_on"],
        "sort_order": ["desc"],
        "page_size": ["200"],
        "page": ["1"],
    }


def test_the_search_starts_at_the_same_moment_in_any_time_zone(requests_mock):
    call = requests_mock.get(LIST_URL, json=page())
    elsewhere = AFTER.astimezone(timezone(timedelta(hours=2)))

    make_client().find_by_reference(REFERENCE, name="Lease", created_after=elsewhere)

    assert call.last_request.qs["created_after"] == ["2026-06-05t10:00:00.123z"]


def test_every_page_is_searched_and_each_envelope_told_once(requests_mock):
    requests_mock.get(
        LIST_URL,
        [{"json": page(item(id="new"), pages=2)}, {"json": page(item(id="new"), item(id="old"), pages=2)}],
    )

    assert [hit.provider_id for hit in find()] == ["new", "old"]


def test_a_search_that_breaks_off_is_not_an_empty_one(requests_mock):
    requests_mock.get(LIST_URL, [{"json": page(pages=2)}, {"status_code": 500}])

    with pytest.raises(ProviderUnavailable):
        find()


def test_a_list_without_end_is_not_an_empty_one(requests_mock):
    requests_mock.get(LIST_URL, json=page(pages=10**9))

    with pytest.raises(ProviderUnavailable, match="too long"):
        find()


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("not_sent", EnvelopeStatus.DRAFT),
        ("in_progress", EnvelopeStatus.OPEN),
        ("finished", EnvelopeStatus.FINISHED),
        ("cancelled", EnvelopeStatus.CANCELLED),
        ("declined", EnvelopeStatus.DECLINED),
        ("expired", EnvelopeStatus.EXPIRED),
        ("a word of tomorrow", EnvelopeStatus.OPEN),
    ],
)
def test_a_status_word_becomes_one_of_ours(requests_mock, word, status):
    requests_mock.get(LIST_URL, json=page(item(status=word)))

    assert [hit.status for hit in find()] == [status]


def test_a_deleted_envelope_is_not_found(requests_mock):
    requests_mock.get(LIST_URL, json=page(item(status="deleted")))

    assert find() == ()


@pytest.mark.parametrize("name", ["a\\b", " Lease", "Lease ", "The  lease", "The\N{NO-BREAK SPACE}lease"])
def test_a_name_that_the_service_may_read_or_keep_otherwise_does_not_narrow_the_search(requests_mock, name):
    call = requests_mock.get(LIST_URL, json=page(item(name=" ".join(name.split()))))

    assert [hit.provider_id for hit in find(name)] == [ENVELOPE_ID]
    assert "name" not in call.last_request.qs


@pytest.mark.parametrize(
    "rubbish",
    [{}, {"results": None}, {"results": []}, {"results": [7], "pagination": {"total_pages": 1}}, page(item(id="a/b"))],
)
def test_a_list_that_cannot_be_read_is_not_an_empty_one(requests_mock, rubbish):
    requests_mock.get(LIST_URL, json=rubbish)

    with pytest.raises(ProviderUnavailable, match="cannot be read"):
        find()
