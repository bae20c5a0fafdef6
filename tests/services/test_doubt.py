"""What the worker does about requests whose create call was never answered (contract section 4)."""

import pytest

from app import worker
from app.domain.errors import ProviderUnavailable
from app.domain.ports import EnvelopeStatus
from app.models import SignatureRequest
from app.services.unit_of_work import reading
from tests.provider_events import signed_event

KEY = "order-12345"


def lost() -> None:
    raise ProviderUnavailable("Lost.", operation="call", may_have_acted=True)


@pytest.fixture
def doubtful(api, signing, time):
    """Create a request whose answer is lost and whose look-ups fail; return the body that a retry repeats."""

    def create(*, accepted: bool) -> dict:
        (signing.after if accepted else signing.before)["create"] = lost
        signing.before["find"] = lost
        render_id = api.upload()
        answer = api.create(key=KEY, renderId=render_id)
        assert answer.status_code == 502
        signing.before.clear()
        signing.after.clear()
        return {"renderId": render_id}

    return create


def all_requests(app) -> list[SignatureRequest]:
    with app.app_context(), reading() as session:
        return list(session.query(SignatureRequest))


def listed(api) -> list[dict]:
    return api.get("/v1/signatures").json["signatures"]


def test_the_worker_adopts_the_envelope_that_it_finds(app, deps, api, signing, time, doubtful):
    doubtful(accepted=True)

    worker.run_until_idle(app, deps)

    (request,) = listed(api)
    assert request["status"] == "sent"
    assert request["id"] == str(signing.only().draft.reference)
    assert [person["id"] for person in request["recipients"]] == [signing.only().people[0].provider_id]


def test_an_adopted_envelope_that_went_on_meanwhile_is_taken_as_it_is(app, deps, api, signing, time, doubtful):
    doubtful(accepted=True)
    signing.decline(signing.only(), 1, "Too expensive")

    worker.run_until_idle(app, deps)

    (request,) = listed(api)
    assert (request["status"], request["errorMessage"]) == ("declined", "Too expensive")


def test_doubt_ends_in_failed_and_frees_the_key(app, deps, api, signing, time, doubtful):
    body = doubtful(accepted=False)
    time.advance(seconds=601)

    worker.run_until_idle(app, deps)

    (request,) = listed(api)
    assert request["status"] == "failed"
    assert "safe to create the request again" in request["errorMessage"]
    again = api.create(key=KEY, **body)
    assert again.status_code == 201
    assert again.json["id"] != request["id"]


def test_a_request_stays_in_doubt_until_the_period_is_over(app, deps, api, signing, time, doubtful):
    body = doubtful(accepted=False)
    time.advance(seconds=500)

    worker.run_until_idle(app, deps)

    assert listed(api) == []
    assert api.create(key=KEY, **body).status_code == 409


def test_not_being_able_to_ask_is_no_answer(app, deps, api, signing, time, doubtful):
    doubtful(accepted=True)
    signing.before["find"] = lost
    time.advance(hours=3)
    worker.run_until_idle(app, deps)
    assert listed(api) == []

    signing.before.clear()
    time.advance(hours=1)
    worker.run_until_idle(app, deps)

    assert [request["status"] for request in listed(api)] == ["sent"]
    assert len(signing.envelopes) == 1


def test_an_envelope_that_turns_up_late_is_cancelled(app, deps, api, signing, time, doubtful):
    doubtful(accepted=True)
    hidden, signing.envelopes = signing.envelopes, {}
    time.advance(seconds=601)
    worker.run_until_idle(app, deps)
    assert [request["status"] for request in listed(api)] == ["failed"]

    signing.envelopes = hidden
    time.advance(hours=1)
    worker.run_until_idle(app, deps)

    assert signing.only().status is EnvelopeStatus.CANCELLED
    assert [request["status"] for request in listed(api)] == ["failed"]


def test_a_late_envelope_is_cancelled_at_once_when_its_event_comes(app, deps, api, signing, time, doubtful):
    doubtful(accepted=True)
    hidden, signing.envelopes = signing.envelopes, {}
    time.advance(seconds=601)
    worker.run_until_idle(app, deps)

    signing.envelopes = hidden
    tell(api, deps, signing.only().provider_id)
    worker.run_until_idle(app, deps)

    assert signing.only().status is EnvelopeStatus.CANCELLED


def test_an_event_leads_to_the_envelope_that_is_looked_for(app, deps, api, signing, time, doubtful):
    doubtful(accepted=True)
    signing.before["find"] = lost
    tell(api, deps, signing.only().provider_id)

    worker.run_until_idle(app, deps)

    assert [request["status"] for request in listed(api)] == ["sent"]


def test_a_draft_that_was_never_sent_is_deleted(app, deps, api, signing, time, doubtful):
    doubtful(accepted=True)
    signing.only().status = EnvelopeStatus.DRAFT

    worker.run_until_idle(app, deps)
    assert signing.envelopes == {}
    time.advance(seconds=601)
    worker.run_until_idle(app, deps)

    assert [request["status"] for request in listed(api)] == ["failed"]


def test_a_process_that_died_in_the_call_leaves_a_request_that_is_resolved(app, deps, api, signing, time):
    def die() -> None:
        raise KeyboardInterrupt

    signing.after["create"] = die
    with pytest.raises(KeyboardInterrupt):
        api.create(key=KEY)
    signing.after.clear()
    worker.run_until_idle(app, deps)
    assert listed(api) == []  # The call might still be running in another process.

    time.advance(minutes=5)
    worker.run_until_idle(app, deps)

    assert [request["status"] for request in listed(api)] == ["sent"]


def test_one_create_call_is_made_whatever_is_retried(app, deps, api, signing, time, doubtful):
    body = doubtful(accepted=True)
    signing.before["find"] = lost
    for _ in range(5):
        assert api.create(key=KEY, **body).status_code == 409
        worker.run_until_idle(app, deps)
        time.advance(minutes=1)

    assert signing.calls.count("create") == 1


def test_an_answer_that_comes_after_the_request_was_given_up_cancels_its_envelope(app, deps, api, signing, time):
    def take_too_long() -> None:
        time.advance(hours=1)
        hidden, signing.envelopes = signing.envelopes, {}
        worker.run_until_idle(app, deps)
        signing.envelopes = hidden

    signing.after["create"] = take_too_long
    answer = api.create(key=KEY)

    assert answer.status_code == 502
    assert signing.only().status is EnvelopeStatus.CANCELLED
    assert [request["status"] for request in listed(api)] == ["failed"]


def test_watching_for_late_envelopes_ends_after_a_month(app, deps, api, signing, time, doubtful):
    doubtful(accepted=False)
    time.advance(seconds=601)
    worker.run_until_idle(app, deps)

    for _ in range(40):
        time.advance(days=1)
        worker.run_until_idle(app, deps)

    (request,) = all_requests(app)
    assert request.due_at is None


def tell(api, deps, provider_id: str) -> None:
    (secret,) = deps.settings.signing_provider_webhook_secrets
    body, headers = signed_event("evt_1", "signing_request.sent", provider_id, secret)
    assert api.client.post("/hooks/signing-provider", data=body, headers=headers).status_code == 200
