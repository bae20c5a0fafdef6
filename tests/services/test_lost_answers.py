"""What a caller sees when the answer to the one create call is lost (contract section 4)."""

import pytest
from sqlalchemy import select

from app.domain.errors import ProviderUnavailable
from app.models import SignatureRequest
from app.services.unit_of_work import reading
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import work
from tests.callers import make_body
from tests.fakes.signing import raising

LOST = ProviderUnavailable("The answer was lost.", operation="create", may_have_acted=True)


@pytest.fixture
def render_id(api, time):
    return api.upload()


def create(api, render_id, **overrides):
    return api.post("/v1/signatures", json=make_body(render_id, **overrides), headers={"Idempotency-Key": "order-1"})


def lose_after_acting(signing):
    signing.after["create"] = raising(LOST)


def lose_before_acting(signing):
    signing.before["create"] = raising(LOST)


def heal(signing):
    signing.before.clear()
    signing.after.clear()


def stored_statuses(app):
    with app.app_context(), reading() as session:
        return list(session.scalars(select(SignatureRequest.status)))


def test_an_envelope_that_is_found_at_once_is_adopted_inside_the_request(api, signing, render_id, time):
    lose_after_acting(signing)

    answer = create(api, render_id)

    assert answer.status_code == 201
    assert answer.json["recipients"][0]["id"] == signing.only().people[0].provider_id
    assert signing.calls.count("create") == 1
    assert 0 < time.slept <= 5


def test_an_adopted_request_is_like_any_other(api, signing, render_id):
    lose_after_acting(signing)

    created = create(api, render_id).json

    assert api.get(f"/v1/signatures/{created['id']}").json == created
    assert api.post(f"/v1/signatures/{created['id']}/cancel").status_code == 200


@pytest.fixture
def in_doubt(app, api, signing, render_id, time):
    """A create whose answer was lost, and whose envelope nobody could find while the caller waited."""
    lose_before_acting(signing)
    return create(api, render_id)


def test_an_envelope_that_is_not_found_is_502_and_says_that_a_retry_is_safe(signing, in_doubt, time):
    error = assert_refused(in_doubt, 502, "signature_provider_error")

    assert "not known" in error["message"]
    assert "same Idempotency-Key" in error["message"]
    assert signing.calls.count("find") > 1
    assert time.slept == pytest.approx(5, abs=0.5)


def test_a_request_in_doubt_is_kept_and_invisible(app, api, in_doubt):
    assert stored_statuses(app) == ["creating"]
    assert api.get("/v1/signatures").json["signatures"] == []


def test_a_retry_while_in_doubt_looks_again_and_is_409(api, signing, render_id, in_doubt):
    calls = signing.calls.count("find")

    answer = create(api, render_id)

    assert_refused(answer, 409, "conflict")
    assert int(answer.headers["Retry-After"]) > 0
    assert signing.calls.count("find") == calls + 1
    assert signing.calls.count("create") == 1


def test_a_retry_that_finds_the_envelope_is_200(app, api, signing, render_id, time):
    lose_after_acting(signing)
    signing.before["find"] = raising(LOST)
    assert create(api, render_id).status_code == 502
    heal(signing)

    answer = create(api, render_id)

    assert answer.status_code == 200
    assert answer.json["status"] == "sent"
    assert signing.calls.count("create") == 1


def test_a_retry_with_another_body_is_refused_while_in_doubt(api, render_id, in_doubt):
    assert_refused(create(api, render_id, name="Another"), 409, "idempotency_key_reused")


def test_a_retry_while_the_provider_is_down_is_409(api, signing, render_id, in_doubt):
    signing.before["find"] = raising(LOST)

    assert_refused(create(api, render_id), 409, "conflict")


def test_the_worker_finds_what_the_caller_did_not(app, api, signing, render_id, time):
    lose_after_acting(signing)
    signing.before["find"] = raising(LOST)
    create(api, render_id)
    heal(signing)
    time.advance(minutes=1)

    work(app)

    (row,) = api.get("/v1/signatures").json["signatures"]
    assert row["status"] == "sent"
    assert create(api, render_id).status_code == 200
    assert signing.calls.count("create") == 1


def test_a_call_that_was_certainly_never_made_can_be_made_again(app, api, signing, render_id):
    signing.before["create"] = raising(
        ProviderUnavailable("No connection.", operation="create", may_have_acted=False, retry_after=3)
    )
    answer = create(api, render_id)
    assert_refused(answer, 502, "signature_provider_error")
    assert answer.headers["Retry-After"] == "3"
    assert stored_statuses(app) == []

    heal(signing)
    assert create(api, render_id).status_code == 201


def test_a_crash_in_the_call_is_never_taken_for_a_refusal(app, api, signing, render_id, time):
    signing.after["create"] = raising(RuntimeError("our bug"))
    assert create(api, render_id).status_code == 500
    assert stored_statuses(app) == ["creating"]
    heal(signing)

    time.advance(minutes=10)
    answer = create(api, render_id)

    assert answer.status_code == 200
    assert signing.calls.count("create") == 1
