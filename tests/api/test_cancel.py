"""Cancelling a request (contract section 3)."""

import pytest

from app.domain.errors import EnvelopeAlreadyOver, ProviderRejected, ProviderUnavailable
from app.domain.ports import EnvelopeStatus
from tests.api.expectations import assert_invalid, assert_refused
from tests.builders.ceremonies import finish, work
from tests.callers import ABSENT
from tests.fakes.signing import raising
from tests.provider_events import deliver, make_event


def cancel(api, request_id, **kwargs):
    return api.post(f"/v1/signatures/{request_id}/cancel", **kwargs)


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_request_is_cancelled_without_a_reason(api, signing, body):
    created = api.created()

    answer = cancel(api, created["id"], data=body)

    assert answer.status_code == 200
    assert answer.json == created | {"status": "cancelled"}
    assert signing.only().status is EnvelopeStatus.CANCELLED


@pytest.mark.parametrize("reason", ["Customer changed the terms", "r", "r" * 500, "", " "])
def test_the_reason_of_a_cancel_is_kept(api, signing, reason):
    created = api.created()

    answer = cancel(api, created["id"], json={"reason": reason})

    assert answer.json == created | {"status": "cancelled", "errorMessage": reason}
    assert api.get(f"/v1/signatures/{created['id']}").json == answer.json
    assert signing.only().cancel_reason == reason


@pytest.mark.parametrize("reason", ["r" * 501, 1, None, ["r"], "line\nbreak", "\u2028", "\x9f"])
def test_another_reason_is_refused(api, signing, reason):
    created = api.created()

    assert_invalid(cancel(api, created["id"], json={"reason": reason}), "reason")
    assert signing.only().status is EnvelopeStatus.OPEN


@pytest.mark.parametrize(("body", "code"), [(b"{", "invalid_json"), (b"[]", "invalid_request"), (b" ", "invalid_json")])
def test_another_body_of_a_cancel_is_refused(api, body, code):
    assert_refused(cancel(api, api.created()["id"], data=body), 400, code)


def test_an_unknown_member_of_a_cancel_is_refused(api):
    assert_invalid(cancel(api, api.created()["id"], json={"Reason": "typo"}), "Reason")


def test_cancelling_twice_is_refused_and_keeps_the_first_reason(api, signing):
    created = api.created()
    cancel(api, created["id"], json={"reason": "First."})

    answer = cancel(api, created["id"], json={"reason": "Second."})

    assert_refused(answer, 409, "conflict")
    assert api.get(f"/v1/signatures/{created['id']}").json["errorMessage"] == "First."
    assert signing.calls.count("cancel") == 1


@pytest.mark.parametrize(
    "error",
    [
        ProviderRejected("Refused.", operation="cancel", status=400),
        ProviderUnavailable("Lost.", operation="cancel", may_have_acted=True),
        ProviderUnavailable("Unreachable.", operation="cancel", may_have_acted=False),
    ],
    ids=["refused", "lost", "unreachable"],
)
def test_a_cancel_that_fails_changes_nothing_and_can_be_tried_again(api, signing, error):
    created = api.created()
    signing.before["cancel"] = raising(error)

    assert_refused(cancel(api, created["id"], json={"reason": "First."}), 502, "signature_provider_error")
    assert api.get(f"/v1/signatures/{created['id']}").json == created

    signing.before.clear()
    assert cancel(api, created["id"], json={"reason": "Second."}).json["errorMessage"] == "Second."


def test_what_was_cancelled_at_the_provider_already_is_cancelled(api, signing):
    created = api.created()
    signing.only().status = EnvelopeStatus.CANCELLED

    answer = cancel(api, created["id"], json={"reason": "Ours."})

    assert answer.status_code == 200
    assert answer.json["status"] == "cancelled"
    assert answer.json["errorMessage"] == "Ours."


@pytest.mark.parametrize(
    ("state", "status"), [(EnvelopeStatus.DECLINED, "declined"), (EnvelopeStatus.EXPIRED, "expired")]
)
def test_what_is_over_at_the_provider_is_refused_and_its_true_state_applied(api, signing, state, status):
    created = api.created()
    signing.only().status = state

    assert_refused(cancel(api, created["id"]), 409, "conflict")
    assert api.get(f"/v1/signatures/{created['id']}").json["status"] == status


def test_what_everybody_signed_cannot_be_cancelled_and_completes(app, api, signing):
    created = api.created()
    finish(signing)

    assert_refused(cancel(api, created["id"], json={"reason": "Too late."}), 409, "conflict")
    work(app)

    assert api.get(f"/v1/signatures/{created['id']}").json["status"] == "completed"


def test_a_cancel_answered_as_over_while_the_state_still_says_open_is_refused(api, signing):
    created = api.created()
    signing.before["cancel"] = raising(EnvelopeAlreadyOver("Over.", operation="cancel", status=409))

    assert_refused(cancel(api, created["id"]), 409, "conflict")
    assert api.get(f"/v1/signatures/{created['id']}").json == created


def test_a_cancel_whose_answer_was_lost_is_learnt_with_its_reason(app, api, signing):
    created = api.created()
    signing.after["cancel"] = raising(ProviderUnavailable("Lost.", operation="cancel", may_have_acted=True))
    assert_refused(cancel(api, created["id"], json={"reason": "Ours."}), 502, "signature_provider_error")

    deliver(app, make_event(signing.only().provider_id, kind="signing_request.cancelled"))
    work(app)

    found = api.get(f"/v1/signatures/{created['id']}").json
    assert found["status"] == "cancelled"
    assert found["errorMessage"] == "Ours."


def test_completed_at_stays_null_on_a_cancel(api):
    assert cancel(api, api.created()["id"]).json["completedAt"] is None


def test_cancelling_what_is_not_there_is_404(api):
    assert_refused(cancel(api, ABSENT), 404, "not_found")
