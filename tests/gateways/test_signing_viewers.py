"""Who opened an envelope, read from its audit trail (provider fact sheet, section 11)."""

import pytest

from app.domain.errors import EnvelopeNotFound, ProviderUnavailable
from tests.gateways.envelopes import ENVELOPE_ID, ENVELOPE_URL, make_client

TRAIL_URL = f"{ENVELOPE_URL}/audit"


def entry(event, email, *, source="signer", **overrides):
    return {"id": "1", "source": source, "event": event, "actor": {"name": "X", "email": email}} | overrides


def test_the_first_to_open_it_comes_first(requests_mock):
    trail = [
        entry("activity", None, source="admin", actor={"type": "api_key"}),
        entry("otp_verified", "early@example.com"),
        entry("document_opened", "b@example.com"),
        entry("document_viewed", "b@example.com"),
        entry("document_viewed", "a@example.com"),
        entry("document_opened", "operator@example.com", source="admin"),
    ]
    requests_mock.get(TRAIL_URL, json={"results": trail})

    assert make_client().viewers(ENVELOPE_ID) == ("b@example.com", "a@example.com")


def test_a_trail_without_views_names_nobody(requests_mock):
    requests_mock.get(TRAIL_URL, json={"results": []})

    assert make_client().viewers(ENVELOPE_ID) == ()


@pytest.mark.parametrize("actor", [None, "b@example.com", {}, {"email": None}, {"email": 7}])
def test_an_actor_of_another_shape_is_passed_over(requests_mock, actor):
    requests_mock.get(TRAIL_URL, json={"results": [entry("document_opened", None, actor=actor)]})

    assert make_client().viewers(ENVELOPE_ID) == ()


def test_an_envelope_without_a_trail_is_told_as_such(requests_mock):
    requests_mock.get(TRAIL_URL, status_code=404, json={"error": "not_found"})

    with pytest.raises(EnvelopeNotFound):
        make_client().viewers(ENVELOPE_ID)


@pytest.mark.parametrize("body", [[], {"results": "many"}, {"results": [7]}, {}])
def test_rubbish_is_no_answer(requests_mock, body):
    requests_mock.get(TRAIL_URL, json=body)

    with pytest.raises(ProviderUnavailable):
        make_client().viewers(ENVELOPE_ID)
