"""The history of a request: what happened, when, by whom, newest last."""

import pytest

from app.domain.events import Event
from app.domain.history import TYPE_BY_ACTION, Mark
from app.domain.lifecycle import Action
from app.domain.ports import EnvelopeStatus
from tests.api.expectations import assert_invalid, assert_refused
from tests.builders.ceremonies import finish, work
from tests.callers import ABSENT, make_caller, make_recipient
from tests.provider_events import deliver, make_event

JANE = make_recipient()
JOHN = make_recipient(firstName="John", email="john@example.com")


def tell(app, signing, kind):
    """Let an event of the provider arrive and be applied."""
    deliver(app, make_event(signing.only().provider_id, kind=f"signing_request.{kind}", event_id=f"evt_{kind}"))
    work(app)


def fetch(api, created, **query):
    answer = api.get(f"/v1/signatures/{created['id']}/events", query_string=query)
    assert answer.status_code == 200, answer.json
    assert list(answer.json) == ["events", "nextCursor", "hasMore"]
    return answer.json


def told(api, created):
    """Return type, status, by whom and the first name of each event."""
    return [
        (event["type"], event["status"], event["by"], event["recipient"] and event["recipient"]["firstName"])
        for event in fetch(api, created)["events"]
    ]


def test_an_event_says_what_happened_when_and_by_whom(api, time):
    created = api.created()

    assert fetch(api, created) == {
        "events": [
            {
                "sequence": 1,
                "at": "2026-06-05T10:00:00.000Z",
                "type": "signature.sent",
                "status": "sent",
                "by": "api",
                "recipient": None,
                "reason": None,
            }
        ],
        "nextCursor": 1,
        "hasMore": False,
    }


def test_a_whole_story_is_told_with_the_newest_last(app, api, signing, time):
    created = api.created(recipients=[JANE, JOHN])
    signing.only().viewers = ["john@example.com"]
    tell(app, signing, "viewed")
    time.advance(minutes=5)
    api.post(f"/v1/signatures/{created['id']}/remind")
    signing.sign(signing.only(), 1)
    tell(app, signing, "signed")
    time.advance(minutes=5)
    finish(signing)
    tell(app, signing, "completed")

    assert told(api, created) == [
        ("signature.sent", "sent", "api", None),
        ("signature.viewed", "viewed", "recipient", "John"),
        ("recipient.reminded", "viewed", "api", "Jane"),
        ("signature.signed", "viewed", "recipient", "Jane"),
        ("signature.signed", "viewed", "recipient", "John"),
        ("signature.completed", "completed", "system", None),
    ]
    events = fetch(api, created)["events"]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert events[3]["recipient"] == api.get(f"/v1/signatures/{created['id']}").json["recipients"][0]


def test_a_decline_names_who_and_why(app, api, signing):
    created = api.created()
    signing.decline(signing.only(), 1, "Wrong price")
    tell(app, signing, "recipient.declined")

    assert told(api, created)[1:] == [
        ("recipient.declined", "sent", "recipient", "Jane"),
        ("signature.declined", "declined", "recipient", "Jane"),
    ]
    assert fetch(api, created)["events"][-1]["reason"] == "Wrong price"


def test_a_cancel_tells_whether_the_project_or_the_provider_did_it(app, api, signing):
    ours = api.created()
    api.post(f"/v1/signatures/{ours['id']}/cancel", json={"reason": "Superseded"})
    signing.envelopes.clear()
    theirs = api.created()
    signing.only().status = EnvelopeStatus.CANCELLED
    tell(app, signing, "cancelled")

    assert told(api, ours)[-1] == ("signature.cancelled", "cancelled", "api", None)
    assert fetch(api, ours)["events"][-1]["reason"] == "Superseded"
    assert told(api, theirs)[-1] == ("signature.cancelled", "cancelled", "provider", None)


def test_a_mail_that_was_refused_names_whose_and_why_and_no_webhook_tells_of_it(app, api, signing, webhooks):
    api.post("/v1/webhooks", json={"url": "https://example.com/hook", "events": [*Event]})
    created = api.created(recipients=[JANE, JOHN])
    work(app)
    before = len(webhooks.sent)
    signing.fail_to_mail(signing.only(), 2, "The mail server answered 550.")
    tell(app, signing, "recipient.mail_failed")

    assert told(api, created)[1:] == [("recipient.mail_failed", "sent", "provider", "John")]
    assert fetch(api, created)["events"][-1]["reason"] == "The mail server answered 550."
    assert len(webhooks.sent) == before == 1


def test_a_long_history_comes_in_parts_and_can_be_gone_on_with(api, time):
    created = api.created()
    for _ in range(6):
        time.advance(minutes=1)
        api.post(f"/v1/signatures/{created['id']}/remind")

    first = fetch(api, created, limit=3)
    second = fetch(api, created, limit=3, cursor=first["nextCursor"])
    third = fetch(api, created, limit=3, cursor=second["nextCursor"])
    parts = [[event["sequence"] for event in part["events"]] for part in (first, second, third)]
    assert parts == [[1, 2, 3], [4, 5, 6], [7]]
    assert [part["hasMore"] for part in (first, second, third)] == [True, True, False]
    assert fetch(api, created, cursor=7) == {"events": [], "nextCursor": None, "hasMore": False}


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "101"), ("cursor", "-1"), ("cursor", "now")])
def test_a_wrong_parameter_is_refused(api, name, value):
    created = api.created()

    assert_invalid(api.get(f"/v1/signatures/{created['id']}/events", query_string={name: value}), name)


def test_the_history_of_another_project_is_not_found(app, api):
    created = api.created()
    stranger = make_caller(app, "Stranger")

    for request_id in (created["id"], ABSENT, "nonsense"):
        assert_refused(stranger.get(f"/v1/signatures/{request_id}/events"), 404, "not_found")


def test_everything_that_is_written_down_has_a_name():
    assert set(TYPE_BY_ACTION) == {*Action, *Mark}
