"""Events get lost, and requests expire: the worker asks of its own accord (contract section 6)."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app import worker
from app.domain import clock
from app.domain.errors import ProviderUnavailable
from app.domain.lifecycle import Status
from app.domain.ports import EnvelopeStatus
from app.extensions import db
from app.models import SignatureRequest
from app.services import polling
from app.services.unit_of_work import unit_of_work
from tests.builders.rows import insert_render, insert_requests
from tests.callers import make_body, make_recipient
from tests.provider_events import deliver, make_event


def status_of(api, request: dict) -> str:
    return api.get(f"/v1/signatures/{request['id']}").json["status"]


def unavailable(*, retry_after: int | None = None):
    def fail() -> None:
        raise ProviderUnavailable("No.", operation="read", may_have_acted=False, retry_after=retry_after)

    return fail


def reads(signing) -> int:
    return signing.calls.count("read")


def test_a_request_without_news_is_polled_after_the_first_wait(app, deps, api, signing, time):
    request = api.created()
    signing.decline(signing.only(), 1, "No")
    time.advance(seconds=899)
    worker.run_until_idle(app, deps)
    assert status_of(api, request) == "sent"

    time.advance(seconds=1)
    worker.run_until_idle(app, deps)

    assert status_of(api, request) == "declined"


def test_polls_without_news_become_rarer(app, deps, api, signing, time):
    api.created(expirationHours=8760)
    for _ in range(4 * 8):
        time.advance(minutes=15)
        worker.run_until_idle(app, deps)
    # After 15 and 30 minutes, 1, 2 and 4 hours; then every 6 hours.
    assert reads(signing) == 5

    for _ in range(24):
        time.advance(hours=1)
        worker.run_until_idle(app, deps)

    assert reads(signing) == 5 + 4


@pytest.mark.parametrize("end", [EnvelopeStatus.CANCELLED, EnvelopeStatus.DECLINED, EnvelopeStatus.EXPIRED])
def test_what_was_read_as_over_is_never_asked_after_again(app, deps, api, signing, time, end):
    api.created()
    signing.only().status = end
    time.advance(minutes=15)
    worker.run_until_idle(app, deps)

    for _ in range(3):
        time.advance(days=10)
        worker.run_until_idle(app, deps)

    assert reads(signing) == 1


@pytest.fixture(params=["cancelled", "expired"])
def ended(request, app, deps, api, signing, time):
    """A request of two that we ended after one had signed, of which we never heard."""
    people = [make_recipient(), make_recipient(firstName="John", email="john@example.com")]
    created = api.created(recipients=people, expirationHours=1)
    signing.before["cancel"] = lambda: signing.sign(signing.only(), 1)
    if request.param == "cancelled":
        assert api.post(f"/v1/signatures/{created['id']}/cancel").status_code == 200
    else:
        time.advance(hours=1)
        worker.run_until_idle(app, deps)
    assert status_of(api, created) == request.param
    return created


def signed_events(api, request: dict) -> list[str]:
    events = api.get(f"/v1/signatures/{request['id']}/events").json["events"]
    return [event["recipient"]["firstName"] for event in events if event["type"] == "signature.signed"]


def test_what_we_ended_is_asked_after_once_more_and_then_never(app, deps, api, signing, time, ended):
    before, status, asked = signed_events(api, ended), status_of(api, ended), reads(signing)
    for _ in range(3):
        time.advance(days=10)
        worker.run_until_idle(app, deps)

    assert (before, signed_events(api, ended)) == ([], ["Jane"])
    assert status_of(api, ended) == status
    assert reads(signing) == asked + 1


def test_what_we_ended_is_not_asked_after_when_the_service_has_told_of_it(app, deps, api, signing, time, ended):
    deliver(app, make_event(signing.only().provider_id, kind="signing_request.cancelled"))
    worker.run_until_idle(app, deps)
    asked = reads(signing)

    time.advance(days=10)
    worker.run_until_idle(app, deps)

    assert signed_events(api, ended) == ["Jane"]
    assert reads(signing) == asked


def test_news_from_before_the_end_do_not_replace_the_last_look(app, deps, api, signing, time, ended):
    signing.only().status = EnvelopeStatus.OPEN
    deliver(app, make_event(signing.only().provider_id, kind="signing_request.viewed"))
    worker.run_until_idle(app, deps)
    asked = reads(signing)

    time.advance(days=10)
    worker.run_until_idle(app, deps)

    assert reads(signing) == asked + 1


def test_the_last_look_is_given_up_when_the_service_never_answers(app, deps, api, signing, time, ended):
    signing.before["read"] = unavailable()
    for _ in range(100):
        time.advance(hours=2)
        worker.run_until_idle(app, deps)
    asked = reads(signing)

    time.advance(days=10)
    worker.run_until_idle(app, deps)

    assert reads(signing) == asked < 50
    assert status_of(api, ended) in {"cancelled", "expired"}


def test_at_expiry_what_the_provider_calls_open_is_cancelled_there_and_expired_here(app, deps, api, signing, time):
    request = api.created(expirationHours=1)

    time.advance(hours=1)
    worker.run_until_idle(app, deps)

    assert status_of(api, request) == "expired"
    assert signing.only().status is EnvelopeStatus.CANCELLED


def test_a_request_that_expired_at_the_provider_expires_here(app, deps, api, signing, time):
    request = api.created(expirationHours=1)
    signing.only().status = EnvelopeStatus.EXPIRED

    time.advance(hours=1)
    worker.run_until_idle(app, deps)

    assert status_of(api, request) == "expired"
    assert "cancel" not in signing.calls


def test_the_poll_comes_when_the_request_expires_even_if_the_next_one_was_due_later(app, deps, api, signing, time):
    request = api.created(expirationHours=30)
    for _ in range(29):
        time.advance(hours=1)
        worker.run_until_idle(app, deps)

    time.advance(hours=1, seconds=1)
    worker.run_until_idle(app, deps)

    assert status_of(api, request) == "expired"


def test_a_signature_given_in_the_last_moment_wins_over_expiry(app, deps, api, signing, time):
    request = api.created(expirationHours=1)
    signing.before["cancel"] = lambda: signing.finish(signing.only())

    time.advance(hours=1)
    worker.run_until_idle(app, deps)

    assert status_of(api, request) == "sent"  # Finished there; the files are not here yet.
    assert signing.only().status is EnvelopeStatus.FINISHED


def test_an_expiry_whose_cancel_was_lost_is_still_an_expiry(app, deps, api, signing, time):
    request = api.created(expirationHours=1)

    def lose() -> None:
        raise ProviderUnavailable("Lost.", operation="cancel", may_have_acted=True)

    signing.after["cancel"] = lose
    time.advance(hours=1)
    worker.run_until_idle(app, deps)
    signing.after.clear()
    time.advance(hours=2)
    worker.run_until_idle(app, deps)

    assert status_of(api, request) == "expired"


def test_polls_take_at_most_half_of_the_providers_reads(app, deps, api, signing, time):
    render_id = api.upload()
    for _ in range(70):
        api.post("/v1/signatures", json=make_body(render_id))
    time.advance(minutes=20)
    worker.run_until_idle(app, deps)
    # A poll is two reads of the 200 that the provider allows in a minute; the fake counts it as one.
    assert reads(signing) == 50

    time.advance(minutes=1)
    worker.run_until_idle(app, deps)

    assert reads(signing) == 70


def test_polls_made_while_the_clock_was_ahead_hold_back_none(app, deps, api, signing, time):
    request = api.created()
    signing.decline(signing.only(), 1, "No.")
    created_at = [time.now - timedelta(days=1, milliseconds=number) for number in range(polling.POLLS_PER_MINUTE)]
    render_id = insert_render(app, api.project_id, created_at=created_at[0])
    polled = insert_requests(app, api.project_id, [(render_id, Status.DECLINED, moment) for moment in created_at])
    with app.app_context(), unit_of_work() as session:
        ahead = clock.utcnow() + timedelta(days=365)
        session.execute(update(SignatureRequest).where(SignatureRequest.id.in_(polled)).values(polled_at=ahead))

    time.advance(minutes=15)
    worker.run_until_idle(app, deps)

    assert status_of(api, request) == "declined"


def test_a_poll_that_is_told_to_wait_waits(app, deps, api, signing, time):
    request = api.created()
    signing.before["read"] = unavailable(retry_after=7200)
    time.advance(minutes=15)
    worker.run_until_idle(app, deps)
    signing.before.clear()
    signing.decline(signing.only(), 1, None)

    time.advance(seconds=7199)
    worker.run_until_idle(app, deps)
    assert status_of(api, request) == "sent"
    time.advance(seconds=1)
    worker.run_until_idle(app, deps)

    assert status_of(api, request) == "declined"


def test_an_envelope_that_the_provider_does_not_know_any_more_stays_open_here(app, deps, api, signing, time):
    request = api.created()
    signing.envelopes.clear()

    time.advance(hours=1)
    worker.run_until_idle(app, deps)

    # A wrong key or address answers 404 as well: no reason to end every request for ever.
    assert status_of(api, request) == "sent"


@pytest.mark.parametrize("hours", [1, 24])
def test_the_next_poll_is_never_beyond_expiry(app, deps, api, signing, time, hours):
    api.created(expirationHours=hours)

    with app.app_context():
        (request,) = db.session.query(SignatureRequest).all()
        db.session.remove()

    assert request.due_at <= request.created_at + timedelta(hours=hours)
