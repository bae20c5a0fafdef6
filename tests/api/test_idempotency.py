"""Idempotency-Key: one key, one request (contract section 3)."""

import pytest
from sqlalchemy import update

from app.models import IdempotencyKey
from app.services.unit_of_work import unit_of_work
from tests.api.expectations import assert_invalid, assert_refused
from tests.callers import ABSENT, make_body, make_caller, make_recipient


def test_a_replay_answers_200_and_sends_nothing(api, signing):
    render_id = api.upload()
    created = api.create(key="order-1", renderId=render_id)

    replay = api.create(key="order-1", renderId=render_id)

    assert (created.status_code, replay.status_code) == (201, 200)
    assert replay.json == created.json
    assert signing.calls == ["create"]


def test_a_replay_shows_the_present_state(api):
    render_id = api.upload()
    created = api.create(key="order-1", renderId=render_id).json
    api.post(f"/v1/signatures/{created['id']}/cancel", json={"reason": "Changed."})

    replay = api.create(key="order-1", renderId=render_id)

    assert replay.status_code == 200
    assert replay.json["status"] == "cancelled"


def test_the_validated_body_is_compared_and_not_its_bytes(api):
    render_id = api.upload()
    body = make_body(render_id, name=None)
    first = api.post("/v1/signatures", json=body, headers={"Idempotency-Key": "order-1"})
    spelled_out = body | {"name": f"Signature request {render_id[:8]}", "expirationHours": 168.0, "anchorTags": []}
    spelled_out["recipients"] = [make_recipient(designation="Signer", order=1)]
    spelled_out["fields"][0] |= {"required": True, "x": 10.0}
    spelled_out["renderId"] = render_id.upper()

    again = api.post("/v1/signatures", json=dict(reversed(spelled_out.items())), headers={"Idempotency-Key": "order-1"})

    assert again.status_code == 200
    assert again.json == first.json


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Another"},
        {"expirationHours": 24},
        {"recipients": [make_recipient(email="joe@example.com")]},
        {"recipients": [{"firstName": "Jane", "email": "jane@example.com"}]},
        {"renderId": ABSENT},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_body_is_refused_and_leaves_the_original_as_it_was(api, signing, change):
    render_id = api.upload()
    created = api.create(key="order-1", renderId=render_id).json

    answer = api.create(key="order-1", **({"renderId": render_id} | change))

    assert_refused(answer, 409, "idempotency_key_reused")
    assert api.get(f"/v1/signatures/{created['id']}").json == created
    assert signing.calls == ["create"]


def test_without_a_key_every_call_sends(api, signing):
    render_id = api.upload()

    assert api.created(renderId=render_id)["id"] != api.created(renderId=render_id)["id"]
    assert len(signing.envelopes) == 2


@pytest.mark.parametrize("key", ["!", "~", "a" * 255, "sign-order-12345", "{[(;:,.)]}"])
def test_a_key_has_1_to_255_visible_characters(api, key):
    assert api.create(key=key).status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 256, "\u00e4", "a\tb"], ids=ascii)
def test_another_key_is_refused(api, signing, key):
    answer = api.post("/v1/signatures", json=make_body(api.upload()), headers={"Idempotency-Key": key})

    assert_invalid(answer, "Idempotency-Key")
    assert signing.calls == []


def test_keys_are_compared_exactly(api, signing):
    render_id = api.upload()
    for key in ("order-1", "ORDER-1", "order-1."):
        assert api.create(key=key, renderId=render_id).status_code == 201
    assert len(signing.envelopes) == 3


def test_a_render_and_a_request_may_have_the_same_key(api):
    headers = {"Idempotency-Key": "order-1"}
    render = api.post("/v1/renders", json={}, headers=headers)

    assert render.status_code == 202
    assert api.create(key="order-1").status_code == 201


# --- The very same bytes ---------------------------------------------------------------------------------------------


def change_keys(app, **values):
    with app.app_context(), unit_of_work() as session:
        session.execute(update(IdempotencyKey).values(**values))


def test_the_same_bytes_are_known_whatever_a_later_version_makes_of_them(app, api):
    render_id = api.upload()
    created = api.create(key="order-1", renderId=render_id)
    change_keys(app, fingerprint="of another version")

    same_bytes = api.create(key="order-1", renderId=render_id)
    written_otherwise = api.create(key="order-1", renderId=render_id, expirationHours=168)

    assert (same_bytes.status_code, same_bytes.json) == (200, created.json)
    assert same_bytes.headers["Location"] == created.headers["Location"]
    assert_refused(written_otherwise, 409, "idempotency_key_reused")


def test_a_key_from_before_bytes_were_noted_is_known_by_what_they_say(app, api):
    render_id = api.upload()
    created = api.create(key="order-1", renderId=render_id)
    change_keys(app, body_digest=None)

    replay = api.create(key="order-1", renderId=render_id)

    assert (replay.status_code, replay.json) == (200, created.json)


def test_the_same_bytes_show_another_project_nothing(app, api, signing):
    render_id = api.upload()
    api.create(key="order-1", renderId=render_id)

    answer = make_caller(app, "Another").create(key="order-1", renderId=render_id)

    assert_refused(answer, 404, "not_found")
    assert signing.calls == ["create"]


def test_the_same_bytes_with_a_query_are_refused_as_they_would_be_without_a_key(api):
    body = make_body(api.upload())
    headers = {"Idempotency-Key": "order-1"}
    api.post("/v1/signatures", json=body, headers=headers)

    assert_invalid(api.post("/v1/signatures?dry=1", json=body, headers=headers), "dry")
