"""Creating an envelope: what is sent, and what each answer means."""

from ssl import SSLCertVerificationError

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, SSLError

from app.domain import clock
from app.domain.errors import CreditsExhausted, ProviderRejected, ProviderUnavailable
from app.domain.ports import RecipientState
from tests.gateways.envelopes import (
    CREATE_URL,
    ENVELOPE_ID,
    ENVELOPE_URL,
    PERSON_ID,
    created_json,
    make_client,
    make_draft,
    make_recipient,
    person_json,
)


def test_a_created_envelope_is_returned_with_its_people(requests_mock):
    requests_mock.post(CREATE_URL, status_code=201, json=created_json())

    sent = make_client().create_and_send(make_draft())

    assert sent.provider_id == ENVELOPE_ID
    assert sent.recipients == (RecipientState(provider_id=PERSON_ID, email="ana@example.test", order=1),)


def test_people_are_matched_whatever_their_order_in_the_answer(requests_mock):
    second = make_recipient(first_name="Bo", email="bo@example.test", order=2)
    requests_mock.post(
        CREATE_URL,
        status_code=201,
        json=created_json(
            recipients=[person_json(id="person-2", email="Bo@example.test", order=2), person_json(id="person-1")]
        ),
    )

    sent = make_client().create_and_send(make_draft(recipients=(make_recipient(), second)))

    assert [person.provider_id for person in sent.recipients] == ["person-1", "person-2"]


def test_two_people_with_one_address_are_told_apart_by_their_order(requests_mock):
    twins = (make_recipient(), make_recipient(first_name="Bo", order=2))
    requests_mock.post(
        CREATE_URL,
        status_code=201,
        json=created_json(recipients=[person_json(id="person-2", order=2), person_json(id="person-1")]),
    )

    sent = make_client().create_and_send(make_draft(recipients=twins))

    assert [person.provider_id for person in sent.recipients] == ["person-1", "person-2"]


def test_two_people_with_one_id_are_not_believed(requests_mock):
    twins = [person_json(), person_json(email="bo@example.test", order=2)]
    requests_mock.post(CREATE_URL, status_code=201, json=created_json(recipients=twins))
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": twins})
    people = (make_recipient(), make_recipient(email="bo@example.test", order=2))

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft(recipients=people))

    assert caught.value.may_have_acted


def test_people_missing_in_the_answer_are_read_from_the_envelope(requests_mock):
    requests_mock.post(CREATE_URL, status_code=201, json={"id": ENVELOPE_ID, "status": "sent"})
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": [person_json()]})

    sent = make_client().create_and_send(make_draft())

    assert [person.provider_id for person in sent.recipients] == [PERSON_ID]


def test_a_conflict_that_names_an_envelope_is_adopted(requests_mock):
    requests_mock.post(CREATE_URL, status_code=409, json={"code": "SEND_EFFECTS", "signing_request_id": ENVELOPE_ID})
    requests_mock.get(f"{ENVELOPE_URL}/users", json={"results": [person_json()]})

    sent = make_client().create_and_send(make_draft())

    assert sent.provider_id == ENVELOPE_ID
    assert [person.provider_id for person in sent.recipients] == [PERSON_ID]


@pytest.mark.parametrize(
    "users",
    [
        {"status_code": 404, "json": {"error": "Not Found"}},
        {"status_code": 429},
        {"status_code": 500},
        {"json": {"results": []}},
        {"exc": requests.ConnectTimeout},
    ],
)
def test_an_envelope_that_exists_is_never_called_not_created(requests_mock, users):
    requests_mock.post(CREATE_URL, status_code=409, json={"signing_request_id": ENVELOPE_ID})
    requests_mock.get(f"{ENVELOPE_URL}/users", **users)

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft())

    assert caught.value.may_have_acted


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_a_clear_refusal_created_nothing(requests_mock, status):
    requests_mock.post(
        CREATE_URL, status_code=status, json={"error": "ana@example.test is bad"}, headers={"x-request-id": "theirs"}
    )

    with pytest.raises(ProviderRejected) as caught:
        make_client().create_and_send(make_draft())

    assert (caught.value.status, caught.value.operation, caught.value.request_id) == (status, "create", "theirs")
    assert "ana@example.test" not in caught.value.message


def test_missing_credits_have_an_error_of_their_own(requests_mock):
    requests_mock.post(CREATE_URL, status_code=402, json={"code": "INSUFFICIENT_CREDITS", "current_credits": 0})

    with pytest.raises(CreditsExhausted):
        make_client().create_and_send(make_draft())


def test_a_suppressed_address_is_named_as_the_reason_without_the_address(requests_mock):
    answer = {"error": "The address ana@example.test (bounced)", "code": "RECIPIENT_EMAIL_SUPPRESSED"}
    requests_mock.post(CREATE_URL, status_code=422, json=answer)

    with pytest.raises(ProviderRejected, match="bounced, was blocked or reported mail as spam") as caught:
        make_client().create_and_send(make_draft())

    assert "ana" not in caught.value.message


@pytest.mark.parametrize("status", [301, 302, 307, 308, 408, 409, 425, 499, 500, 502, 503, 504, 520])
def test_any_other_answer_is_lost(requests_mock, status):
    requests_mock.post(CREATE_URL, status_code=status, json={}, headers={"Location": "http://[bad"})

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft())

    assert caught.value.may_have_acted
    assert caught.value.status == status
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"7a6f"',
        b"{",
        b"[" * 100_000,
        b"{}",
        b'{"id": null}',
        b'{"id": 7}',
        b'{"id": "../../company"}',
        b'{"id": "' + b"7" * 65 + b'"}',
        b"\xff\xfe",
        b" " * (8 * 1024 * 1024 + 1),
    ],
    ids=lambda body: f"{body[:12]!r}",
)
def test_a_success_with_rubbish_is_lost(requests_mock, body):
    requests_mock.post(CREATE_URL, status_code=201, content=body)

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft())

    assert caught.value.may_have_acted


@pytest.mark.parametrize("error", [requests.ReadTimeout, requests.ConnectionError, requests.exceptions.SSLError])
def test_a_failure_of_unknown_moment_is_lost(requests_mock, error):
    requests_mock.post(CREATE_URL, exc=error)

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft())

    assert caught.value.may_have_acted
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectTimeout("too slow"),
        requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "refused"))),
        requests.ConnectionError(MaxRetryError(None, "/", NameResolutionError("host", None, OSError("unknown")))),
        requests.exceptions.SSLError(MaxRetryError(None, "/", SSLError(SSLCertVerificationError("self-signed")))),
    ],
    ids=["connect time-out", "no connection", "no address", "certificate"],
)
def test_a_failure_to_connect_certainly_sent_nothing(requests_mock, error):
    requests_mock.post(CREATE_URL, exc=error)

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft())

    assert not caught.value.may_have_acted


def test_a_short_too_many_requests_is_waited_out_once(requests_mock, monkeypatch):
    waits = []
    monkeypatch.setattr(clock, "sleep", waits.append)
    requests_mock.post(
        CREATE_URL,
        [{"status_code": 429, "headers": {"Retry-After": "2"}}, {"status_code": 201, "json": created_json()}],
    )

    assert make_client().create_and_send(make_draft()).provider_id == ENVELOPE_ID
    assert waits == [2]


def test_a_second_too_many_requests_is_told(requests_mock, monkeypatch):
    monkeypatch.setattr(clock, "sleep", lambda _seconds: None)
    requests_mock.post(CREATE_URL, status_code=429, headers={"Retry-After": "1"})

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft())

    assert (caught.value.may_have_acted, caught.value.retry_after) == (False, 1)
    assert requests_mock.call_count == 2


@pytest.mark.parametrize(
    ("header", "told"), [("3", 3), ("45", 45), (None, None), ("soon", None), ("-1", None), ("9" * 5000, None)]
)
def test_a_longer_too_many_requests_is_told_at_once(requests_mock, header, told):
    requests_mock.post(CREATE_URL, status_code=429, headers={} if header is None else {"Retry-After": header})

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft())

    assert (caught.value.may_have_acted, caught.value.retry_after) == (False, told)
    assert requests_mock.call_count == 1


def test_an_answer_lost_after_a_wait_is_lost(requests_mock, monkeypatch):
    monkeypatch.setattr(clock, "sleep", lambda _seconds: None)
    requests_mock.post(
        CREATE_URL, [{"status_code": 429, "headers": {"Retry-After": "0"}}, {"exc": requests.ReadTimeout}]
    )

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft())

    assert caught.value.may_have_acted
