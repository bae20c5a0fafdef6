"""The order of the checks on create (contract section 1), each against its neighbour, with both wrong at once.

401, 400 invalid_json, 400 invalid_request, replay, 503, 404, 409, 413, 400 of what only the PDF tells, 402 or 502.
"""

import pytest

from app.domain.errors import CreditsExhausted, ProviderRejected, ProviderUnavailable
from tests.api.expectations import assert_invalid, assert_refused
from tests.builders.sized import padded_pdf
from tests.callers import ABSENT, make_anchor, make_field, rewire
from tests.fakes.inspector import TrustingInspector
from tests.fakes.signing import raising

MIB = 1024 * 1024


def test_the_key_is_checked_before_the_json(app):
    assert_refused(app.test_client().post("/v1/signatures", data=b"{"), 401, "unauthorized")


def test_the_json_is_checked_before_its_members(api):
    assert_refused(api.post("/v1/signatures", data=b'{"unknown": 1'), 400, "invalid_json")


def test_the_json_is_checked_before_the_query_and_the_idempotency_key(api):
    answer = api.post("/v1/signatures?unknown=1", data=b"{", headers={"Idempotency-Key": "a b"})

    assert_refused(answer, 400, "invalid_json")


def test_the_members_are_checked_before_a_replay(api):
    render_id = api.upload()
    api.create(key="order-1", renderId=render_id)

    answer = api.create(key="order-1", renderId=render_id, unknown=1)

    assert_refused(answer, 400, "invalid_request")


def test_a_replay_is_answered_without_any_signing_service(app, api):
    render_id = api.upload()
    created = api.create(key="order-1", renderId=render_id).json
    rewire(app, signing=None)

    answer = api.create(key="order-1", renderId=render_id)

    assert answer.status_code == 200
    assert answer.json == created


def test_a_reused_key_is_refused_without_any_signing_service(app, api):
    render_id = api.upload()
    api.create(key="order-1", renderId=render_id)
    rewire(app, signing=None)

    answer = api.create(key="order-1", renderId=render_id, name="Another")

    assert_refused(answer, 409, "idempotency_key_reused")


def test_the_signing_service_is_checked_before_the_render(app, api):
    rewire(app, signing=None)

    assert_refused(api.create(renderId=ABSENT), 503, "signatures_unavailable")


def test_the_members_are_checked_before_the_signing_service(app, api):
    rewire(app, signing=None)

    assert_refused(api.create(renderId=ABSENT, unknown=1), 400, "invalid_request")


def test_a_render_that_is_not_ready_is_told_before_what_its_pdf_would_tell(api):
    reserved = api.post("/v1/renders", json={}).json["id"]

    answer = api.create(renderId=reserved, fields=[make_field(page=99)])

    assert_refused(answer, 409, "conflict")


def test_the_size_is_checked_before_the_pages(app, api):
    rewire(app, inspector=TrustingInspector())
    render_id = api.upload(padded_pdf(20 * MIB + 1))

    answer = api.create(renderId=render_id, fields=[make_field(page=99)])

    assert_refused(answer, 413, "document_too_large")


def test_the_pages_are_checked_before_the_provider_is_asked(api, signing):
    signing.before["create"] = raising(CreditsExhausted("No credits.", operation="create", status=402))

    assert_invalid(api.create(fields=[make_field(page=2)]), "fields.0.page")
    assert signing.calls == []


@pytest.mark.parametrize(
    "refused",
    [
        {"unknown": 1},
        {"renderId": ABSENT},
        {"fields": [make_field(page=99)]},
        {"anchorTags": [make_anchor(anchorString="nowhere")]},
    ],
    ids=["invalid", "not found", "page", "anchor"],
)
def test_a_refusal_stores_nothing_and_uses_up_no_key(api, signing, refused):
    render_id = api.upload()
    assert api.create(key="order-1", **({"renderId": render_id} | refused)).status_code >= 400

    answer = api.create(key="order-1", renderId=render_id, name="Fresh")

    assert answer.status_code == 201
    assert [row["id"] for row in api.get("/v1/signatures").json["signatures"]] == [answer.json["id"]]
    assert signing.calls == ["create"]


@pytest.mark.parametrize(
    "error",
    [
        CreditsExhausted("No credits.", operation="create", status=402),
        ProviderRejected("Refused.", operation="create", status=422),
        ProviderUnavailable("Busy.", operation="create", may_have_acted=False, status=429),
        ProviderUnavailable("No connection.", operation="create", may_have_acted=False),
    ],
    ids=["credits", "refused", "busy", "unreachable"],
)
def test_a_clear_refusal_of_the_provider_frees_the_key(api, signing, error):
    render_id = api.upload()
    signing.before["create"] = raising(error)
    api.create(key="order-1", renderId=render_id)
    signing.before.clear()

    answer = api.create(key="order-1", renderId=render_id, name="Another")

    assert answer.status_code == 201
    assert len(api.get("/v1/signatures").json["signatures"]) == 1
