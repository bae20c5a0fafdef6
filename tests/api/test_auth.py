"""Keys: every route wants one, none answers for another project, and what is kept of a key opens nothing."""

import hashlib
from pathlib import Path

import pytest

from app.domain import keys
from app.services import api_keys
from tests.api.expectations import assert_refused
from tests.callers import Caller, make_body, make_caller
from tests.fakes.signing import raising
from tests.project.test_routes import BODIES, HEALTH, address, routes


def refused(answer):
    assert_refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def last_used(app):
    with app.app_context():
        (key,) = api_keys.list_all()
    return key.last_used_at


def wrong_keys(api):
    """Yield what is no key of this installation: of each kind, one."""
    yield ""
    yield "Bearer"
    yield "Bearer "
    yield "Bearer nonsense"
    yield f"Basic {api.key}"
    yield api.key
    yield f"Bearer {api.key}x"
    yield f"Bearer {api.key[:-1]}"
    yield f"Bearer {api.key[:-6]}000000"
    yield f"Bearer {api.key} {api.key}"
    yield f"Bearer\t{api.key}"
    yield f"Bearer {api.key.lower()}"
    yield f"Bearer {keys.generate().clear_text}"
    yield "Bearer \u00fc\u00f6\u00e4"


def test_every_route_below_v1_wants_a_key(app, api):
    client = app.test_client()
    for method, rule in routes(app, under="/v1/"):
        if rule.rule == HEALTH:
            continue
        refused(client.open(address(rule), method=method))
        for header in wrong_keys(api):
            refused(client.open(address(rule), method=method, headers={"Authorization": header}))


def test_every_route_below_v1_refuses_a_revoked_key(app, api):
    with app.app_context():
        api_keys.revoke(api.key[:16])
    for method, rule in routes(app, under="/v1/"):
        if rule.rule != HEALTH:
            refused(api.request(method, address(rule)))


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/signatures/not-an-id", "/v1/signatures/"])
def test_an_address_that_does_not_exist_wants_a_key_too(app, path):
    refused(app.test_client().get(path))


def test_a_method_that_is_not_answered_wants_a_key_too(app):
    refused(app.test_client().delete("/v1/signatures"))


def test_no_route_answers_for_another_project(app, api):
    render_id = api.upload()
    request_id = api.created(renderId=render_id)["id"]
    webhook_id = api.post("/v1/webhooks", json=BODIES["/v1/webhooks"]).json["id"]
    delivery_id = api.post(f"/v1/webhooks/{webhook_id}/test").json["id"]
    stranger = make_caller(app, "Stranger")
    ids = {
        "render_id": render_id,
        "request_id": request_id,
        "webhook_id": webhook_id,
        "delivery_id": delivery_id,
    }
    for method, rule in routes(app, under="/v1/"):
        if not rule.arguments:
            continue
        path = rule.build({name: ids[name] for name in rule.arguments})[1]
        body = {"data": b"%PDF", "content_type": "application/pdf"} if method == "PUT" else {}
        if method in {"POST", "PATCH"}:
            body = {"json": BODIES.get(rule.rule, {})}

        theirs = stranger.request(method, path, **body)
        absent = stranger.request(method, address(rule), **body)

        assert_refused(theirs, 404, "not_found")
        assert theirs.json == absent.json
    assert api.get(f"/v1/signatures/{request_id}").json["status"] == "sent"
    assert api.get(f"/v1/webhooks/{webhook_id}").status_code == 200


def test_another_projects_render_cannot_be_sent(app, api):
    stranger = make_caller(app, "Stranger")

    answer = stranger.post("/v1/signatures", json=make_body(api.upload()))

    assert_refused(answer, 404, "not_found")


def test_lists_show_one_project(app, api):
    api.created()
    stranger = make_caller(app, "Stranger")

    assert stranger.get("/v1/signatures").json["signatures"] == []
    assert stranger.get("/v1/renders").json["renders"] == []


def test_an_idempotency_key_belongs_to_its_project(app, api, signing):
    first = api.create(key="order-1").json
    second = make_caller(app, "Stranger").create(key="order-1")

    assert second.status_code == 201
    assert second.json["id"] != first["id"]
    assert len(signing.envelopes) == 2


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "])
def test_the_scheme_is_matched_without_regard_to_case(api, scheme):
    assert api.get("/v1/signatures", headers={"Authorization": f"{scheme} {api.key}"}).status_code == 200


def test_a_key_is_refused_as_soon_as_it_is_revoked(app, api):
    assert api.get("/v1/signatures").status_code == 200

    with app.app_context():
        api_keys.revoke(api.key[:16])

    refused(api.get("/v1/signatures"))


def test_revoking_one_key_leaves_the_projects_others(app, api):
    with app.app_context():
        other = api_keys.create(api.project_id).clear_text
        api_keys.revoke(api.key[:16])

    assert Caller(api.client, api.project_id, other).get("/v1/signatures").status_code == 200


def test_all_refusals_of_a_key_read_the_same(app, api):
    client = app.test_client()
    answers = [client.get("/v1/signatures", headers={"Authorization": header}).json for header in wrong_keys(api)]

    assert all(answer == answers[0] for answer in answers)


def test_the_last_use_is_recorded_at_most_once_a_minute(app, time, api):
    assert last_used(app) is None
    api.get("/v1/signatures")
    first = last_used(app)
    assert first == time.utcnow()

    time.advance(seconds=59)
    api.get("/v1/signatures")
    assert last_used(app) == first

    time.advance(seconds=1)
    api.get("/v1/signatures")
    assert last_used(app) == time.utcnow()


def test_a_refused_key_is_not_recorded_as_used(app, api):
    api.get("/v1/signatures", headers={"Authorization": f"Bearer {api.key}x"})

    assert last_used(app) is None


def test_only_the_hash_of_a_key_is_stored(app, api, settings):
    api.get("/v1/signatures")

    with app.app_context():
        (row,) = api_keys.list_all()
    assert row.sha256 == hashlib.sha256(api.key.encode()).hexdigest()
    assert row.prefix == api.key[:16]
    if settings.database_url.startswith("sqlite:"):
        file = Path(settings.database_url.removeprefix("sqlite:///"))
        stored = b"".join(part.read_bytes() for part in file.parent.glob(file.name + "*"))
        assert row.sha256.encode() in stored
        assert api.key[17:].encode() not in stored


def test_a_key_is_in_no_log_and_in_no_repr(app, api, logged, signing):
    signing.before["create"] = raising(RuntimeError("unforeseen"))
    api.get("/v1/signatures", headers={"Authorization": f"Bearer {api.key}x"})
    api.create()

    text = logged.getvalue()
    assert "unforeseen" in text
    assert api.key[17:] not in text
    key = keys.generate()
    assert key.clear_text not in repr(key)
