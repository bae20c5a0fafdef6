"""What the provider's events do: nothing but make us read its state (contract section 6)."""

import itertools
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain.errors import ProviderUnavailable
from app.domain.history import Mark
from app.domain.ports import EnvelopeStatus
from app.models import HistoryEntry, Recipient
from app.services.unit_of_work import reading
from tests.builders.ceremonies import finish, work
from tests.callers import make_recipient
from tests.fakes.signing import raising
from tests.provider_events import deliver, make_event

TWO = [make_recipient(email="a@example.com"), make_recipient(email="b@example.com")]


@pytest.fixture
def created(api, time):
    return api.created(recipients=TWO)


def tell(app, signing, kind, event_id=None):
    """Let an event arrive and be applied."""
    envelope = next(iter(signing.envelopes.values()))
    deliver(app, make_event(envelope.provider_id, kind=f"signing_request.{kind}", event_id=event_id or f"evt_{kind}"))
    work(app)


def show(api, created):
    return api.get(f"/v1/signatures/{created['id']}").json


def history(app, created):
    with app.app_context(), reading() as session:
        rows = session.scalars(select(HistoryEntry).order_by(HistoryEntry.sequence)).all()
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    return [(row.action, row.from_status, row.to_status, row.cause) for row in rows]


def test_the_first_view_is_shown(app, api, signing, created):
    tell(app, signing, "viewed")

    assert show(api, created) == created | {"status": "viewed"}
    assert history(app, created)[-1] == ("view", "sent", "viewed", "provider")


def test_one_signature_is_shown_on_its_person_and_moves_nothing(app, api, signing, created, time):
    time.advance(hours=1)
    signing.sign(signing.only(), 2)
    tell(app, signing, "recipient.signed")

    found = show(api, created)
    assert found["status"] == "sent"
    assert "signedAt" not in found["recipients"][0]
    assert found["recipients"][1]["signedAt"] == "2026-06-05T11:00:00.000Z"
    assert history(app, created)[-1][0] == "recipient_signed"


@pytest.mark.parametrize("reason", ["Wrong price.", None])
def test_one_who_declines_ends_it(app, api, signing, created, reason):
    signing.decline(signing.only(), 1, reason)
    tell(app, signing, "recipient.declined")

    found = show(api, created)
    assert (found["status"], found["errorMessage"], found["completedAt"]) == ("declined", reason, None)
    assert found["recipients"][0]["declinedAt"] == "2026-06-05T10:00:00.000Z"
    assert "declinedAt" not in found["recipients"][1]


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_what_ended_at_the_provider_ends_here(app, api, signing, created, status):
    signing.only().status = EnvelopeStatus(status)
    tell(app, signing, "updated")

    assert show(api, created) == created | {"status": status}


def test_a_view_after_a_signature_is_still_a_view(app, api, signing, created):
    signing.sign(signing.only(), 1)
    tell(app, signing, "recipient.signed")
    tell(app, signing, "viewed")

    assert show(api, created)["status"] == "viewed"


@pytest.mark.parametrize("order", list(itertools.permutations(["viewed", "recipient.signed", "completed"])))
def test_the_order_of_events_does_not_matter(app, api, signing, created, order):
    finish(signing)
    for kind in order:
        tell(app, signing, kind)

    found = show(api, created)
    assert found["status"] == "completed"
    assert all("signedAt" in person for person in found["recipients"])


def test_a_doubled_event_changes_nothing_more(app, api, signing, created):
    signing.decline(signing.only(), 1, "No.")
    tell(app, signing, "recipient.declined")
    before, entries = show(api, created), history(app, created)

    tell(app, signing, "recipient.declined")
    tell(app, signing, "recipient.declined", event_id="evt_again")

    assert show(api, created) == before
    assert history(app, created) == entries


def test_the_first_end_wins(app, api, signing, created):
    api.post(f"/v1/signatures/{created['id']}/cancel", json={"reason": "Ours."})
    before = show(api, created)
    finish(signing)

    tell(app, signing, "completed")
    tell(app, signing, "viewed")

    assert show(api, created)["status"] == "cancelled"
    assert show(api, created)["errorMessage"] == before["errorMessage"]


def test_what_an_event_claims_is_not_believed(app, api, signing, created):
    tell(app, signing, "completed")

    assert show(api, created) == created


def test_an_event_waits_while_the_provider_cannot_be_read(app, api, signing, created, time):
    signing.decline(signing.only(), 1, "No.")
    signing.before["read"] = raising(ProviderUnavailable("Down.", operation="read", may_have_acted=False))
    tell(app, signing, "recipient.declined")
    assert show(api, created)["status"] == "sent"

    signing.before.clear()
    assert work(app) == 0
    time.advance(seconds=5)
    work(app)

    assert show(api, created)["status"] == "declined"


def test_every_change_is_in_the_history(app, api, signing, created):
    tell(app, signing, "viewed")
    finish(signing)
    tell(app, signing, "completed")

    assert history(app, created) == [
        ("send", "creating", "sent", "api"),
        ("view", "sent", "viewed", "provider"),
        ("recipient_signed", "viewed", "viewed", "provider"),
        ("recipient_signed", "viewed", "viewed", "provider"),
        ("complete", "viewed", "completed", "archive"),
    ]


def mails_failed(app):
    with app.app_context(), reading() as session:
        rows = session.scalars(select(HistoryEntry).where(HistoryEntry.action == Mark.MAIL_FAILED)).all()
        return [(row.recipient_id and session.get_one(Recipient, row.recipient_id).email, row.reason) for row in rows]


def test_a_mail_that_could_not_be_delivered_is_written_down_and_moves_nothing(app, api, signing, created):
    signing.fail_to_mail(signing.only(), 2, "No such address.")
    tell(app, signing, "recipient.mail_failed")

    assert show(api, created) == created
    assert history(app, created)[1:] == [("recipient_mail_failed", "sent", "sent", "provider")]
    assert mails_failed(app) == [("b@example.com", "No such address.")]


def test_each_failed_mail_is_written_down_once_however_often_it_is_told(app, api, signing, created):
    for number, reason in enumerate(("First.", "Second.")):
        signing.fail_to_mail(signing.only(), 1, reason)
        tell(app, signing, "recipient.mail_failed", event_id=f"evt_{number}")
        tell(app, signing, "recipient.mail_failed", event_id=f"evt_{number}_again")
    tell(app, signing, "recipient.mail_failed", event_id="evt_0")

    assert mails_failed(app) == [("a@example.com", "First."), ("a@example.com", "Second.")]


def test_mails_that_failed_unheard_are_all_written_down_at_the_next_read(app, api, signing, created):
    for order, reason in ((1, "First."), (2, "Other."), (1, "Second.")):
        signing.fail_to_mail(signing.only(), order, reason)
    signing.sign(signing.only(), 1)
    tell(app, signing, "recipient.signed")

    assert sorted(mails_failed(app)) == [
        ("a@example.com", "First."),
        ("a@example.com", "Second."),
        ("b@example.com", "Other."),
    ]


def test_a_copy_that_could_not_be_delivered_is_written_down_after_the_end(app, api, signing, created):
    finish(signing)
    tell(app, signing, "completed")
    signing.fail_to_mail(signing.only(), 1, "Mailbox full.")
    tell(app, signing, "recipient.mail_failed")

    assert history(app, created)[-1] == ("recipient_mail_failed", "completed", "completed", "provider")


def test_a_service_that_forgets_failed_mails_changes_nothing(app, api, signing, created):
    signing.fail_to_mail(signing.only(), 1, "No.")
    tell(app, signing, "recipient.mail_failed")
    envelope = signing.only()
    envelope.people = [replace(person, mail_failures=()) for person in envelope.people]
    tell(app, signing, "updated")

    assert mails_failed(app) == [("a@example.com", "No.")]


def test_people_are_known_by_their_id_when_their_address_changes(app, api, signing, created, time):
    envelope = signing.only()
    envelope.people = [
        person.__class__(**{**person.__dict__, "email": "new@example.com"}) for person in envelope.people
    ]
    signing.sign(envelope, 1)
    tell(app, signing, "recipient.signed")

    assert "signedAt" in show(api, created)["recipients"][0]
