"""Which events are told, to whom, and what they say (contract section 5)."""

import contextlib
import json
from uuid import UUID

import pytest

from app.domain.errors import ProviderRejected, ProviderUnavailable
from app.domain.events import Event
from app.domain.lifecycle import Action
from app.domain.ports import EnvelopeStatus
from app.services import transitions
from app.services.unit_of_work import unit_of_work
from tests.builders.ceremonies import finish, work
from tests.callers import make_caller, make_recipient
from tests.fakes.signing import raising
from tests.provider_events import deliver, make_event
from tests.webhooks import deliveries, subscribe, told

JANE = make_recipient(email="jane@example.com")
JOHN = make_recipient(firstName="John", lastName=None, email="John@example.com")
del JOHN["lastName"]


@pytest.fixture
def subscribed(app, api, time):
    return subscribe(app, api)


def tell(app, signing, kind):
    """Let an event of the provider arrive and be applied, and our own be sent."""
    deliver(app, make_event(signing.only().provider_id, kind=f"signing_request.{kind}", event_id=f"evt_{kind}"))
    work(app)


def last(webhooks):
    return told(webhooks)[-1]


def identity(created):
    return {"signatureRequestId": created["id"], "renderId": created["renderId"]}


def test_a_request_that_is_sent_is_told_with_its_name_and_people(app, api, subscribed, webhooks):
    created = api.created(recipients=[JANE, JOHN], name="Charter Überführung")
    work(app)

    assert told(webhooks) == [
        {
            "event": "signature.sent",
            **identity(created),
            "status": "sent",
            "name": "Charter Überführung",
            "recipients": created["recipients"],
        }
    ]


def test_a_body_is_compact_json_in_utf_8(app, api, subscribed, webhooks):
    api.created(name="Überführung")
    work(app)

    (sent,) = webhooks.sent
    assert sent.body == json.dumps(json.loads(sent.body), separators=(",", ":"), ensure_ascii=False).encode()
    assert "Überführung".encode() in sent.body


@pytest.mark.parametrize(
    ("viewers", "person"), [(["john@EXAMPLE.com", "jane@example.com"], 1), (["nobody@x.com"], None)]
)
def test_the_first_view_names_who_opened_it_first_or_nobody(app, api, signing, subscribed, webhooks, viewers, person):
    created = api.created(recipients=[JANE, JOHN])
    signing.only().viewers = viewers
    tell(app, signing, "viewed")

    who = None if person is None else created["recipients"][person]
    assert last(webhooks) == {
        "event": "signature.viewed",
        **identity(created),
        "status": "viewed",
        "recipient": who,
    }


def test_the_only_recipient_is_who_viewed_it(app, api, signing, subscribed, webhooks):
    created = api.created()
    tell(app, signing, "viewed")

    assert last(webhooks)["recipient"] == created["recipients"][0]


@pytest.mark.parametrize(
    "error",
    [
        ProviderRejected("No such route.", operation="read audit trail", status=404),
        ProviderUnavailable("Down.", operation="read audit trail", may_have_acted=False),
    ],
)
def test_a_trail_that_cannot_be_read_does_not_hold_back_the_view(app, api, signing, subscribed, webhooks, error):
    api.created(recipients=[JANE, JOHN])
    signing.before["viewers"] = raising(error)
    tell(app, signing, "viewed")

    assert (last(webhooks)["event"], last(webhooks)["recipient"]) == ("signature.viewed", None)


def test_a_second_view_is_not_told(app, api, signing, subscribed, webhooks):
    api.created()
    tell(app, signing, "viewed")
    tell(app, signing, "recipient.viewed")

    assert [each["event"] for each in told(webhooks)] == ["signature.sent", "signature.viewed"]


def test_one_signature_is_told_with_who_signed(app, api, signing, subscribed, webhooks):
    created = api.created(recipients=[JANE, JOHN])
    signing.sign(signing.only(), 1)
    tell(app, signing, "recipient.signed")

    assert last(webhooks) == {
        "event": "signature.signed",
        **identity(created),
        "status": "sent",
        "recipient": created["recipients"][0] | {"signedAt": "2026-06-05T10:00:00.000Z"},
    }


@pytest.mark.parametrize("reason", ["Wrong price.", None])
def test_a_refusal_is_told_with_who_and_why(app, api, signing, subscribed, webhooks, reason):
    created = api.created(recipients=[JANE, JOHN])
    signing.decline(signing.only(), 2, reason)
    tell(app, signing, "recipient.declined")

    assert last(webhooks) == {
        "event": "signature.declined",
        **identity(created),
        "status": "declined",
        "recipient": created["recipients"][1] | {"declinedAt": "2026-06-05T10:00:00.000Z"},
        "reason": reason,
    }


@pytest.mark.parametrize("reason", ["Customer changed the terms", None])
def test_a_cancel_is_told_with_its_reason(app, api, subscribed, webhooks, reason):
    created = api.created()
    api.post(f"/v1/signatures/{created['id']}/cancel", json={"reason": reason} if reason else {})
    work(app)

    assert last(webhooks) == {
        "event": "signature.cancelled",
        **identity(created),
        "status": "cancelled",
        "reason": reason,
    }


def test_an_expiry_is_told(app, api, signing, subscribed, webhooks):
    created = api.created()
    signing.only().status = EnvelopeStatus.EXPIRED
    tell(app, signing, "expired")

    assert last(webhooks) == {
        "event": "signature.expired",
        **identity(created),
        "status": "expired",
        "reason": None,
    }


def test_a_request_whose_answer_was_lost_is_told_as_failed(app, api, signing, subscribed, webhooks, time):
    signing.before["create"] = raising(ProviderUnavailable("Lost.", operation="create", may_have_acted=True))
    api.create()
    time.advance(hours=1)
    work(app)

    (failed,) = api.get("/v1/signatures").json["signatures"]
    assert last(webhooks) == {
        "event": "signature.failed",
        **identity(failed),
        "status": "failed",
        "reason": failed["errorMessage"],
    }


def test_completion_is_told_once_the_signed_pdf_can_be_downloaded(app, api, signing, subscribed, webhooks, time):
    created = api.created()
    signing.finish(signing.only())
    tell(app, signing, "completed")
    assert [each["event"] for each in told(webhooks)] == ["signature.sent", "signature.signed"]

    finish(signing)
    time.advance(seconds=10)
    work(app)

    assert last(webhooks) == {"event": "signature.completed", **identity(created), "status": "completed"}
    assert api.get(f"/v1/signatures/{created['id']}/download").status_code == 200


def test_completion_is_told_when_the_deadline_has_passed_without_a_file(app, api, signing, subscribed, webhooks, time):
    api.created()
    signing.finish(signing.only())
    tell(app, signing, "completed")
    time.advance(minutes=11)
    work(app)

    assert last(webhooks)["event"] == "signature.completed"


def test_only_those_who_subscribed_to_an_event_hear_of_it(app, api, webhooks, time):
    subscribe(app, api, url="https://a.example/", events=[Event.SENT, Event.CANCELLED])
    subscribe(app, api, url="https://b.example/", events=[Event.COMPLETED])
    off = subscribe(app, api, url="https://c.example/")
    api.request("PATCH", f"/v1/webhooks/{off.id}", json={"active": False})
    subscribe(app, make_caller(app), url="https://d.example/")

    api.created()
    work(app)

    assert [request.url for request in webhooks.sent] == ["https://a.example/"]


def test_an_event_that_is_rolled_back_is_never_told(app, api, subscribed, webhooks):
    created = api.created()
    work(app)
    with app.app_context(), contextlib.suppress(ZeroDivisionError), unit_of_work() as session:
        request = transitions.lock(session, UUID(created["id"]))
        assert transitions.apply(session, request, Action.CANCEL, cause="test")
        raise ZeroDivisionError
    work(app)

    assert [delivery.event for delivery in deliveries(app)] == ["signature.sent"]
    assert [each["event"] for each in told(webhooks)] == ["signature.sent"]
