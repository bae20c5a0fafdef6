"""Reading, cancelling and deleting envelopes, and the account's credits."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
import requests
from requests_mock import ANY

from app.domain.errors import (
    EnvelopeAlreadyOver,
    EnvelopeNotFound,
    ProviderRejected,
    ProviderUnavailable,
)
from app.domain.ports import EnvelopeStatus
from tests.gateways.envelopes import (
    BASE_URL,
    ENVELOPE_ID,
    ENVELOPE_URL,
    PERSON_ID,
    REFERENCE,
    detail_json,
    make_client,
    person_json,
)

AFTER = datetime(2026, 6, 5, 10, tzinfo=UTC)

CALLS = {
    "find": lambda client: client.find_by_reference(REFERENCE, name="Lease", created_after=AFTER),
    "read": lambda client: client.read(ENVELOPE_ID),
    "cancel": lambda client: client.cancel(ENVELOPE_ID, reason=None),
    "delete draft": lambda client: client.delete_draft(ENVELOPE_ID),
    "link to document": lambda client: client.download_signed_document(ENVELOPE_ID),
    "link to certificate": lambda client: client.download_certificate(ENVELOPE_ID),
    "credits": lambda client: client.credits(),
}
every_call = pytest.mark.parametrize("operation", CALLS)


def test_an_open_envelope_is_read(requests_mock):
    requests_mock.get(ENVELOPE_URL, json=detail_json("sent", expires_at="2026-06-12T10:00:00.000Z"))
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": [person_json(something_new=True)]})

    state = make_client().read(ENVELOPE_ID)

    assert state.status is EnvelopeStatus.OPEN
    assert state.expires_at == datetime(2026, 6, 12, 10, tzinfo=UTC)
    assert state.finished_at is None
    assert [(each.provider_id, each.signed_at) for each in state.recipients] == [(PERSON_ID, None)]


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ((), EnvelopeStatus.DRAFT),
        (("sent",), EnvelopeStatus.OPEN),
        (("sent", "expired"), EnvelopeStatus.EXPIRED),
        (("sent", "expired", "declined"), EnvelopeStatus.DECLINED),
        (("sent", "expired", "declined", "cancelled"), EnvelopeStatus.CANCELLED),
        (("sent", "expired", "declined", "cancelled", "finished"), EnvelopeStatus.FINISHED),
    ],
)
def test_of_several_flags_the_strongest_decides(requests_mock, flags, status):
    requests_mock.get(ENVELOPE_URL, json=detail_json(*flags))
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": []})

    assert make_client().read(ENVELOPE_ID).status is status


@pytest.mark.parametrize(
    ("members", "reasons"),
    [
        ({}, ()),
        ({"mail_failures": [{"failed_on": "…", "reason": "First."}, {"reason": "2" * 300}]}, ("First.", "2" * 200)),
        ({"mail_failures": None}, ()),
        ({"mail_failures": 2}, ()),
        ({"mail_failures": ["First."]}, ()),
        ({"mail_failures": [{"reason": None}, {"reason": 550}, {}]}, ()),
    ],
)
def test_failed_mails_are_read_where_the_service_tells_of_them(requests_mock, members, reasons):
    requests_mock.get(ENVELOPE_URL, json=detail_json("sent"))
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": [person_json(**members)]})

    (person,) = make_client().read(ENVELOPE_ID).recipients

    assert person.mail_failures == reasons


def test_flags_may_be_numbers(requests_mock):
    requests_mock.get(ENVELOPE_URL, json=detail_json(status={"sent": 1, "finished": 0}))
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": []})

    assert make_client().read(ENVELOPE_ID).status is EnvelopeStatus.OPEN


@pytest.mark.parametrize(
    "text", ["2026-06-05T10:00:00.123456+00:00", "2026-06-05T10:00:00.123Z", "2026-06-05T12:00:00.1239+02:00"]
)
def test_both_spellings_of_time_are_read_to_the_millisecond(requests_mock, text):
    requests_mock.get(ENVELOPE_URL, json=detail_json("finished", timestamps={"finished_on": text}))
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": [person_json(finished_on=text)]})

    state = make_client().read(ENVELOPE_ID)

    assert state.finished_at == datetime(2026, 6, 5, 10, 0, 0, 123000, tzinfo=UTC)
    assert state.recipients[0].signed_at == state.finished_at


@pytest.mark.parametrize("given", [r"Not\u0000mine", r"Not\ud83dmine", r"Not\udc00mine"])
def test_words_that_no_database_takes_are_read_without_what_it_does_not_take(requests_mock, given):
    # One refused text would keep the whole envelope's end from being recorded, for ever.
    people = [person_json(declined_on="2026-06-05T10:00:00Z", decline_reason="?", mail_failures=[{"reason": "?"}])]
    requests_mock.get(ENVELOPE_URL, json=detail_json("sent", "declined"))
    requests_mock.get(f"{ENVELOPE_URL}/users", text=json.dumps({"results": people}).replace('"?"', f'"{given}"'))

    (person,) = make_client().read(ENVELOPE_ID).recipients

    readable = "Not\N{REPLACEMENT CHARACTER}mine"
    assert (person.decline_reason, person.mail_failures) == (readable, (readable,))


def test_who_declined_and_why_is_read(requests_mock):
    requests_mock.get(ENVELOPE_URL, json=detail_json("sent", "declined"))
    declined = person_json(declined_on="2026-06-05T10:00:00+00:00", decline_reason="Not my name")
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": [declined]})

    person = make_client().read(ENVELOPE_ID).recipients[0]

    assert person.declined_at == datetime(2026, 6, 5, 10, tzinfo=UTC)
    assert person.decline_reason == "Not my name"


@pytest.mark.parametrize(
    "detail",
    [
        detail_json(status="sent"),
        detail_json(status=None),
        detail_json("sent", expires_at="tomorrow"),
        detail_json("sent", expires_at=7),
        detail_json("sent", expires_at="0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_detail_that_cannot_be_read_is_not_guessed_at(requests_mock, detail):
    requests_mock.get(ENVELOPE_URL, json=detail)
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": []})

    with pytest.raises(ProviderUnavailable, match="cannot be read"):
        make_client().read(ENVELOPE_ID)


@pytest.mark.parametrize("wrong", [{"id": None}, {"email": ""}, {"order": "1"}, {"order": True}, {"finished_on": 1}])
def test_a_person_that_cannot_be_read_is_not_guessed_at(requests_mock, wrong):
    requests_mock.get(ENVELOPE_URL, json=detail_json("sent"))
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": [person_json(**wrong)]})

    with pytest.raises(ProviderUnavailable, match="cannot be read"):
        make_client().read(ENVELOPE_ID)


def test_cancelling_gives_the_reason_and_notifies(requests_mock):
    call = requests_mock.post(f"{ENVELOPE_URL}/cancel", json={"message": "done"})

    make_client().cancel(ENVELOPE_ID, reason="Wrong tenant")

    assert call.last_request.json() == {"notify_signers": True, "reason": "Wrong tenant"}


def test_cancelling_needs_no_reason(requests_mock):
    call = requests_mock.post(f"{ENVELOPE_URL}/cancel", json={})

    make_client().cancel(ENVELOPE_ID, reason=None)

    assert call.last_request.json() == {"notify_signers": True}


def test_an_envelope_that_is_over_cannot_be_cancelled(requests_mock):
    requests_mock.post(f"{ENVELOPE_URL}/cancel", status_code=409, json={"error": "Conflict"})

    with pytest.raises(EnvelopeAlreadyOver):
        make_client().cancel(ENVELOPE_ID, reason=None)


@pytest.mark.parametrize("gone", [200, 204, 404])
def test_a_draft_is_deleted_or_gone_already(requests_mock, gone):
    call = requests_mock.delete(ENVELOPE_URL, status_code=gone)

    make_client().delete_draft(ENVELOPE_ID)

    assert call.call_count == 1


def test_a_sent_envelope_is_not_deleted(requests_mock):
    requests_mock.delete(ENVELOPE_URL, status_code=409, json={"code": "ALREADY_SENT"})

    with pytest.raises(ProviderRejected):
        make_client().delete_draft(ENVELOPE_ID)


def test_credits_are_read(requests_mock):
    requests_mock.get(f"{BASE_URL}/company", json={"credits": 42})

    assert make_client().credits() == 42


@pytest.mark.parametrize("credits_", [None, "42", -1, True, 1.5])
def test_credits_that_are_no_count_are_not_guessed_at(requests_mock, credits_):
    requests_mock.get(f"{BASE_URL}/company", json={"credits": credits_})

    with pytest.raises(ProviderUnavailable):
        make_client().credits()


@pytest.mark.parametrize("operation", ["read", "cancel", "link to document", "link to certificate"])
def test_an_unknown_envelope_is_told_as_such(requests_mock, operation):
    requests_mock.request(ANY, ANY, status_code=404, json={"error": "Not Found"})

    with pytest.raises(EnvelopeNotFound):
        CALLS[operation](make_client())


@every_call
@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_refusal_of_any_call_is_a_rejection(requests_mock, operation, status):
    requests_mock.request(ANY, ANY, status_code=status)

    with pytest.raises(ProviderRejected) as caught:
        CALLS[operation](make_client())

    assert (caught.value.operation, caught.value.status) == (operation, status)


@every_call
@pytest.mark.parametrize("status", [302, 408, 429, 500, 502, 504])
def test_any_call_may_find_the_service_unavailable(requests_mock, operation, status):
    requests_mock.request(ANY, ANY, status_code=status)

    with pytest.raises(ProviderUnavailable) as caught:
        CALLS[operation](make_client())

    assert caught.value.may_have_acted is (status != 429)


@every_call
@pytest.mark.parametrize("error", [requests.ConnectTimeout, requests.ReadTimeout, requests.ConnectionError])
def test_any_call_may_get_no_answer(requests_mock, operation, error):
    requests_mock.request(ANY, ANY, exc=error)

    with pytest.raises(ProviderUnavailable) as caught:
        CALLS[operation](make_client())

    assert caught.value.operation == operation


@pytest.mark.parametrize("operation", ["find", "read", "link to document", "link to certificate", "credits"])
def test_any_read_may_get_rubbish(requests_mock, operation):
    requests_mock.request(ANY, ANY, text="<html>")

    with pytest.raises(ProviderUnavailable, match="cannot be read"):
        CALLS[operation](make_client())


def test_an_id_cannot_lead_to_another_path(requests_mock):
    call = requests_mock.get(ANY, status_code=404)

    with pytest.raises(EnvelopeNotFound):
        make_client().read("../company?x=")

    assert call.last_request.url == f"{BASE_URL}/signing-requests/..%2Fcompany%3Fx%3D"


@pytest.mark.parametrize(
    ("description", "reference"),
    [
        ("ref:0193c2c3-2222-7aaa-8bbb-000000000002", UUID("0193c2c3-2222-7aaa-8bbb-000000000002")),
        ("ref:somebody else's", None),
        ("please sign", None),
        (None, None),
    ],
)
def test_an_envelope_tells_our_reference_if_it_carries_one(requests_mock, description, reference):
    requests_mock.get(ENVELOPE_URL, json=detail_json("sent", template_description=description))
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": []})

    assert make_client().read(ENVELOPE_ID).reference == reference
