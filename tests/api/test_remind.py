"""Reminding the people whose turn it is."""

import pytest
from sqlalchemy import select

from app.domain.errors import ProviderRejected, ProviderUnavailable, ReminderRefused
from app.domain.ports import EnvelopeStatus
from app.extensions import db
from app.models import HistoryEntry
from tests.api.expectations import assert_invalid, assert_refused
from tests.builders.ceremonies import finish
from tests.callers import ABSENT
from tests.fakes.signing import raising

PEOPLE = [
    {"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com", "order": 2},
    {"firstName": "Max", "email": "max@example.com", "order": 1, "designation": "Approver"},
    {"firstName": "Copy", "email": "copy@example.com", "designation": "CC", "order": 3},
]


def remind(api, request_id, **kwargs):
    return api.post(f"/v1/signatures/{request_id}/remind", **kwargs)


def make_request(api):
    """Send a request to three people; return it, and the provider's ids by first name."""
    created = api.created(recipients=PEOPLE, fields=[{**FIELD, "recipientIndex": 0}, {**FIELD, "recipientIndex": 1}])
    return created, {person["firstName"]: person["id"] for person in created["recipients"]}


FIELD = {"type": "signature", "page": 1, "x": 10, "y": 10}


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_without_a_body_whoever_acts_first_is_reminded(api, signing, body):
    created, ids = make_request(api)

    answer = remind(api, created["id"], data=body)

    assert answer.status_code == 200
    assert answer.json == created
    assert signing.only().reminders == [((ids["Max"],), None)]


def test_the_next_is_reminded_once_the_first_has_signed_even_if_we_have_not_heard_of_it(api, signing):
    created, ids = make_request(api)
    signing.sign(signing.only(), order=1)

    assert remind(api, created["id"], json={"message": "Please, Jane."}).status_code == 200
    assert signing.only().reminders == [((ids["Jane"],), "Please, Jane.")]


@pytest.mark.parametrize("message", ["Dear Max,\n\nplease sign.\nJane", "One\r\nTwo", "\n"])
def test_a_message_may_have_several_lines(api, signing, message):
    created, ids = make_request(api)

    assert remind(api, created["id"], json={"message": message}).status_code == 200
    assert signing.only().reminders == [((ids["Max"],), message)]


def test_the_person_whose_turn_it_is_can_be_named(api, signing):
    created, ids = make_request(api)

    assert remind(api, created["id"], json={"recipientIds": [ids["Max"]]}).status_code == 200
    assert signing.only().reminders == [((ids["Max"],), None)]


@pytest.mark.parametrize("name", ["Jane", "Copy"])
def test_nobody_else_can_be_named(api, signing, name):
    created, ids = make_request(api)

    assert_refused(remind(api, created["id"], json={"recipientIds": [ids["Max"], ids[name]]}), 409, "conflict")
    assert signing.only().reminders == []
    assert remind(api, created["id"]).status_code == 200, "a refusal does not use up the minute"


def test_somebody_who_is_not_on_the_request_is_named_in_the_error(api):
    created, ids = make_request(api)

    assert_invalid(remind(api, created["id"], json={"recipientIds": [ids["Max"], "somebody"]}), "recipientIds.1")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"message": "x" * 1001}, "message"),
        ({"message": "a\0b"}, "message"),
        ({"message": "a\tb"}, "message"),
        ({"message": "a\rb"}, "message"),
        ({"message": "a\u2028b"}, "message"),
        ({"message": "a\u0085b"}, "message"),
        ({"recipientIds": []}, "recipientIds"),
        ({"recipientIds": [1]}, "recipientIds.0"),
        ({"recipients": []}, "recipients"),
    ],
)
def test_a_senseless_body_is_refused(api, body, path):
    assert_invalid(remind(api, api.created()["id"], json=body), path)


def test_a_message_of_a_thousand_characters_is_sent(api, signing):
    assert remind(api, api.created()["id"], json={"message": "x" * 1000}).status_code == 200
    assert signing.only().reminders[0][1] == "x" * 1000


def test_within_a_minute_there_is_one_reminder(api, signing, time):
    created = api.created()
    remind(api, created["id"])
    time.advance(seconds=19.5)

    answer = remind(api, created["id"])

    assert_refused(answer, 429, "rate_limited")
    assert answer.headers["Retry-After"] == "41"
    time.advance(seconds=40.5)
    assert remind(api, created["id"]).status_code == 200
    assert len(signing.only().reminders) == 2


def remind_meanwhile(api, created, signing, time, operation, *, then=lambda: None):
    """Have another reminder go out while the service takes more than a minute for this operation of the first one."""

    def act():
        del signing.before[operation]
        time.advance(seconds=61)
        assert remind(api, created["id"]).status_code == 200
        then()

    signing.before[operation] = act


def test_a_reminder_that_was_overtaken_while_the_service_was_slow_mails_nobody(api, signing, time):
    created = api.created()
    remind_meanwhile(api, created, signing, time, "read")

    assert_refused(remind(api, created["id"]), 429, "rate_limited")
    assert len(signing.only().reminders) == 1


def test_a_reminder_that_failed_does_not_give_back_the_minute_of_another(api, signing, time):
    created = api.created()
    fail = raising(ProviderUnavailable("Unreachable.", operation="remind", may_have_acted=False))
    remind_meanwhile(api, created, signing, time, "remind", then=fail)

    assert_refused(remind(api, created["id"]), 502, "signature_provider_error")
    assert_refused(remind(api, created["id"]), 429, "rate_limited")
    assert len(signing.only().reminders) == 1


def test_what_is_over_is_not_reminded(api, signing):
    created = api.created()
    api.post(f"/v1/signatures/{created['id']}/cancel")

    assert_refused(remind(api, created["id"]), 409, "conflict")
    assert signing.only().reminders == []


@pytest.mark.parametrize("state", [EnvelopeStatus.DECLINED, EnvelopeStatus.EXPIRED])
def test_what_is_over_at_the_provider_is_learnt(api, signing, state):
    created = api.created()
    signing.only().status = state

    assert_refused(remind(api, created["id"]), 409, "conflict")
    assert api.get(f"/v1/signatures/{created['id']}").json["status"] == state.value


def test_what_everybody_has_signed_is_not_reminded(api, signing):
    created = api.created()
    finish(signing)

    assert_refused(remind(api, created["id"]), 409, "conflict")
    assert_refused(remind(api, created["id"]), 409, "conflict")


def test_a_refusal_of_the_provider_is_a_conflict(api, signing):
    created = api.created()
    signing.before["remind"] = raising(ReminderRefused("No.", operation="remind", status=409))

    assert_refused(remind(api, created["id"]), 409, "conflict")


@pytest.mark.parametrize(
    "error",
    [
        ProviderRejected("Refused.", operation="remind", status=400),
        ProviderUnavailable("Unreachable.", operation="remind", may_have_acted=False),
    ],
    ids=["refused", "unreachable"],
)
@pytest.mark.parametrize("operation", ["remind", "read"])
def test_a_reminder_that_certainly_failed_can_be_tried_again_at_once(api, signing, operation, error):
    created = api.created()
    signing.before[operation] = raising(error)

    assert_refused(remind(api, created["id"]), 502, "signature_provider_error")
    signing.before.clear()
    assert remind(api, created["id"]).status_code == 200


def test_a_lost_answer_is_not_repeated_and_counts_for_the_minute(api, signing):
    created = api.created()
    signing.after["remind"] = raising(ProviderUnavailable("Lost.", operation="remind", may_have_acted=True))

    assert_refused(remind(api, created["id"]), 502, "signature_provider_error")
    assert_refused(remind(api, created["id"]), 429, "rate_limited")
    assert signing.calls.count("remind") == 1


def test_the_history_says_who_was_reminded(app, api):
    created, _ids = make_request(api)
    remind(api, created["id"])

    with app.app_context():
        entries = db.session.scalars(select(HistoryEntry).order_by(HistoryEntry.sequence)).all()

    assert [(entry.action, entry.cause) for entry in entries] == [("send", "api"), ("recipient_reminded", "api")]
    assert entries[1].recipient_id is not None


def test_a_request_that_is_not_there_is_404(api):
    assert_refused(remind(api, ABSENT), 404, "not_found")
