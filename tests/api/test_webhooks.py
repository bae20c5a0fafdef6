"""`/v1/webhooks` (contract section 5)."""

import pytest

from app import worker
from app.domain.events import Event
from tests.api.expectations import assert_invalid, assert_refused
from tests.callers import ABSENT, make_caller
from tests.fakes.webhooks import answering, unreachable

URL = "https://receiver.example/hook"


def make_webhook(**overrides):
    return {"url": URL, "events": [*Event]} | overrides


@pytest.fixture
def webhook(api):
    """A webhook for everything, with its secret."""
    answer = api.post("/v1/webhooks", json=make_webhook())
    assert answer.status_code == 201, answer.json
    return answer.json


@pytest.fixture
def path(webhook):
    return f"/v1/webhooks/{webhook['id']}"


def deliveries(api, path, **query):
    answer = api.get(f"{path}/deliveries", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json["deliveries"]


def test_a_webhook_is_created_with_a_secret_that_is_shown_once(api):
    answer = api.post("/v1/webhooks", json=make_webhook(events=["signature.completed"], description="Books"))

    created = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"https://sign.test/v1/webhooks/{created['id']}"
    assert created["secret"].startswith("whsec_")
    assert created == {
        "id": created["id"],
        "url": URL,
        "events": ["signature.completed"],
        "active": True,
        "description": "Books",
        "createdAt": created["createdAt"],
        "failingSince": None,
        "disabledAt": None,
        "disabledReason": None,
        "secret": created["secret"],
    }
    del created["secret"]
    assert api.get(f"/v1/webhooks/{created['id']}").json == created
    assert api.get("/v1/webhooks").json["webhooks"] == [created]


@pytest.mark.parametrize(
    ("overrides", "blamed"),
    [
        ({"url": "http://receiver.example/"}, "url"),
        ({"url": "https://internal.invalid/"}, "url"),
        ({"url": 7}, "url"),
        ({"events": []}, "events"),
        ({"events": "signature.sent"}, "events"),
        ({"events": ["signature.sent", "signature.opened"]}, "events.1"),
        ({"events": ["*"]}, "events.0"),
        ({"active": "yes"}, "active"),
        ({"description": "x" * 256}, "description"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_a_create_that_is_wrong_says_where(api, overrides, blamed):
    assert_invalid(api.post("/v1/webhooks", json=make_webhook(**overrides)), blamed)
    assert api.get("/v1/webhooks").json["webhooks"] == []


def test_url_and_events_are_required(api):
    assert_invalid(api.post("/v1/webhooks", json={}), "url", "events")


def test_a_project_has_at_most_fifty_webhooks(app, api):
    created = [api.post("/v1/webhooks", json=make_webhook()).json["id"] for _ in range(50)]

    assert_invalid(api.post("/v1/webhooks", json=make_webhook()))
    assert make_caller(app).post("/v1/webhooks", json=make_webhook()).status_code == 201
    api.request("DELETE", f"/v1/webhooks/{created[0]}")
    assert api.post("/v1/webhooks", json=make_webhook()).status_code == 201


def test_the_list_is_paged_newest_first(api):
    created = [api.post("/v1/webhooks", json=make_webhook()).json["id"] for _ in range(3)]

    first = api.get("/v1/webhooks?limit=2").json
    second = api.get("/v1/webhooks", query_string={"limit": 2, "cursor": first["nextCursor"]}).json

    assert [each["id"] for each in first["webhooks"] + second["webhooks"]] == created[::-1]
    assert (first["hasMore"], second["hasMore"]) == (True, False)


def test_a_change_touches_what_is_given(api, webhook, path):
    answer = api.request("PATCH", path, json={"events": ["signature.sent"], "active": False})

    expected = {name: value for name, value in webhook.items() if name != "secret"}
    assert answer.status_code == 200
    assert answer.json == expected | {"events": ["signature.sent"], "active": False}


@pytest.mark.parametrize(
    ("change", "blamed"),
    [({"url": "ftp://receiver.example"}, "url"), ({"events": []}, "events"), ({"id": ABSENT}, "id")],
)
def test_a_change_that_is_wrong_changes_nothing(api, webhook, path, change, blamed):
    before = api.get(path).json

    assert_invalid(api.request("PATCH", path, json=change | {"active": False}), blamed)

    assert api.get(path).json == before


def test_a_deleted_webhook_is_gone_and_hears_nothing_more(app, api, deps, webhooks, path):
    api.created()
    answer = api.request("DELETE", path)
    worker.run_until_idle(app, deps)

    assert answer.status_code == 204
    assert answer.data == b""
    assert_refused(api.get(path), 404, "not_found")
    assert_refused(api.request("DELETE", path), 404, "not_found")
    assert_refused(api.get(f"{path}/deliveries"), 404, "not_found")
    assert webhooks.sent == []


def test_a_rotated_secret_is_shown_once(api, webhook, path):
    rotated = api.post(f"{path}/rotate-secret")

    assert rotated.status_code == 200
    assert rotated.json["secret"].startswith("whsec_")
    assert rotated.json["secret"] != webhook["secret"]
    assert "secret" not in api.get(path).json


def test_a_test_delivery_is_sent_whatever_the_webhook_is_for(app, api, deps, webhooks):
    webhook = api.post("/v1/webhooks", json=make_webhook(events=["signature.failed"])).json
    queued = api.post(f"/v1/webhooks/{webhook['id']}/test")
    worker.run_until_idle(app, deps)

    assert queued.status_code == 202
    assert queued.json["status"] == "pending"
    assert webhooks.events(URL) == ["webhook.test"]
    (delivery,) = deliveries(api, f"/v1/webhooks/{webhook['id']}")
    assert delivery["id"] == queued.json["id"]
    assert (delivery["status"], delivery["signatureRequestId"]) == ("delivered", None)


def test_a_webhook_that_is_switched_off_takes_no_test_and_no_redelivery(app, api, deps, path):
    delivery_id = api.post(f"{path}/test").json["id"]
    worker.run_until_idle(app, deps)
    api.request("PATCH", path, json={"active": False})

    assert_refused(api.post(f"{path}/test"), 409, "conflict")
    assert_refused(api.post(f"{path}/deliveries/{delivery_id}/redeliver"), 409, "conflict")


def test_a_delivery_shows_its_body_and_its_attempts(app, api, deps, webhooks, path, time):
    webhooks.behaviours[URL] = answering(500, body="out of order\0")
    request = api.created()
    worker.run_until_idle(app, deps)
    webhooks.behaviours[URL] = unreachable
    time.advance(minutes=1)
    worker.run_until_idle(app, deps)

    (listed,) = deliveries(api, path)
    shown = api.get(f"{path}/deliveries/{listed['id']}").json

    assert listed == {
        "id": listed["id"],
        "webhookId": path.rpartition("/")[2],
        "signatureRequestId": request["id"],
        "event": "signature.sent",
        "status": "pending",
        "attemptCount": 2,
        "nextAttemptAt": listed["nextAttemptAt"],
        "createdAt": listed["createdAt"],
        "finishedAt": None,
    }
    assert shown == listed | {
        "body": webhooks.sent[0].body.decode(),
        "attempts": [
            {
                "number": 1,
                "at": "2026-06-05T10:00:00.000Z",
                "status": 500,
                "error": None,
                "durationMs": 7,
                "answer": "out of order�",
            },
            {
                "number": 2,
                "at": "2026-06-05T10:01:00.000Z",
                "status": None,
                "error": "connection",
                "durationMs": 3,
                "answer": "",
            },
        ],
    }


def test_a_delivery_belongs_to_its_webhook(api, path):
    delivery_id = api.post(f"{path}/test").json["id"]
    other = api.post("/v1/webhooks", json=make_webhook()).json["id"]

    assert_refused(api.get(f"/v1/webhooks/{other}/deliveries/{delivery_id}"), 404, "not_found")
    assert_refused(api.post(f"/v1/webhooks/{other}/deliveries/{delivery_id}/redeliver"), 404, "not_found")
    assert_refused(api.get(f"{path}/deliveries/{ABSENT}"), 404, "not_found")


def test_deliveries_are_paged_and_filtered_by_status(app, api, deps, path):
    sent = [api.post(f"{path}/test").json["id"] for _ in range(2)]
    worker.run_until_idle(app, deps)
    waiting = api.post(f"{path}/test").json["id"]

    assert [each["id"] for each in deliveries(api, path, status="pending")] == [waiting]
    assert [each["id"] for each in deliveries(api, path, status="delivered")] == sent[::-1]
    first = api.get(f"{path}/deliveries?limit=2").json
    second = api.get(f"{path}/deliveries", query_string={"cursor": first["nextCursor"]}).json
    assert [each["id"] for each in first["deliveries"] + second["deliveries"]] == [waiting, *sent[::-1]]
    assert (first["hasMore"], second["hasMore"]) == (True, False)


@pytest.mark.parametrize("query", [{"status": "lost"}, {"limit": "0"}, {"cursor": "yesterday"}])
def test_a_list_of_deliveries_refuses_what_it_does_not_know(api, path, query):
    assert_invalid(api.get(f"{path}/deliveries", query_string=query), *query)


def test_a_redelivery_sends_the_same_bytes_with_the_same_id(app, api, deps, webhooks, path):
    api.created()
    worker.run_until_idle(app, deps)
    (delivery,) = deliveries(api, path)

    answer = api.post(f"{path}/deliveries/{delivery['id']}/redeliver")
    worker.run_until_idle(app, deps)

    first, second = webhooks.sent
    assert answer.status_code == 202
    assert answer.json["status"] == "pending"
    assert (second.delivery_id, second.body) == (first.delivery_id, first.body)
    (delivery,) = deliveries(api, path)
    assert (delivery["status"], delivery["attemptCount"]) == ("delivered", 2)


def test_a_redelivery_of_what_waits_for_its_next_attempt_makes_it_now(app, api, deps, webhooks, path, time):
    webhooks.behaviours[URL] = unreachable
    api.created()
    worker.run_until_idle(app, deps)
    (delivery,) = deliveries(api, path)
    webhooks.behaviours.clear()

    api.post(f"{path}/deliveries/{delivery['id']}/redeliver")
    worker.run_until_idle(app, deps)

    assert [each["status"] for each in deliveries(api, path)] == ["delivered"]
