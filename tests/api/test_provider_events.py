"""Events from the signing service: verified, stored once, answered at once (contract section 6)."""

import json

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.gateways.signing.events import HmacEventVerifier
from app.models import ProviderEvent
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import finish, work
from tests.callers import rewire
from tests.conftest import EVENT_SECRET
from tests.provider_events import HOOK, deliver, make_event, sign

OLD_SECRET = "the-secret-before-this-one-98765"


@pytest.fixture
def client(app):
    return app.test_client()


def stored(app):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(ProviderEvent))


BODY = json.dumps(make_event("envelope-1"), separators=(",", ":")).encode()


def test_a_genuine_event_is_stored_and_answered(app, client):
    answer = client.post(HOOK, data=BODY, headers={"X-Firma-Signature": sign(BODY)})

    assert answer.status_code == 200
    assert stored(app) == 1


def test_an_event_needs_no_api_key_and_no_content_type(app, client):
    answer = client.post(HOOK, data=BODY, headers={"X-Firma-Signature": sign(BODY)}, content_type="")

    assert answer.status_code == 200


def digest_of(signature):
    return signature.partition("v1=")[2]


#: From the genuine signature of BODY to one that is not.
SPOILED = {
    "missing": lambda _: None,
    "empty": lambda _: "",
    "nonsense": lambda _: "nonsense",
    "another secret": lambda _: sign(BODY, secret="another-secret-0123456789abcdef"),
    "another body": lambda _: sign(BODY + b" "),
    "no time": lambda genuine: f"v1={digest_of(genuine)}",
    "no digest": lambda genuine: genuine.partition(",")[0],
    "empty digest": lambda genuine: genuine.removesuffix(digest_of(genuine)),
    "another time": lambda genuine: genuine.replace("t=1", "t=0", 1),
    "time no number": lambda genuine: f"t=now,v1={digest_of(genuine)}",
    "two times": lambda genuine: f"t=1,{genuine}",
    "beyond ASCII": lambda genuine: genuine + "\u00e4",
    "upper case": lambda genuine: genuine.upper(),
    "v0": lambda genuine: genuine.replace("v1=", "v0="),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_an_event_without_a_genuine_signature_is_401(app, client, spoil):
    signature = spoil(sign(BODY))

    answer = client.post(HOOK, data=BODY, headers={} if signature is None else {"X-Firma-Signature": signature})

    assert_refused(answer, 401, "unauthorized")
    assert stored(app) == 0


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (300, 200), (301, 401), (-300, 200), (-301, 401)])
def test_an_event_is_at_most_300_seconds_from_now_either_way(client, time, seconds, status):
    signature = sign(BODY, at=time.now.timestamp() + seconds)

    assert client.post(HOOK, data=BODY, headers={"X-Firma-Signature": signature}).status_code == status


def test_without_a_secret_every_event_is_401(app, client):
    rewire(app, provider_events=HmacEventVerifier(()))

    assert_refused(client.post(HOOK, data=BODY, headers={"X-Firma-Signature": sign(BODY)}), 401, "unauthorized")
    assert_refused(
        client.post(HOOK, data=BODY, headers={"X-Firma-Signature": sign(BODY, secret="")}), 401, "unauthorized"
    )


def test_while_the_secret_is_rotated_either_is_good(app, client):
    rewire(app, provider_events=HmacEventVerifier((EVENT_SECRET, OLD_SECRET)))

    for secret in (EVENT_SECRET, OLD_SECRET):
        answer = client.post(HOOK, data=BODY, headers={"X-Firma-Signature": sign(BODY, secret=secret)})
        assert answer.status_code == 200


def test_the_signature_with_the_old_secret_is_good_before_we_have_the_new_one(client):
    headers = {"X-Firma-Signature": sign(BODY, secret=OLD_SECRET), "X-Firma-Signature-Old": sign(BODY)}

    assert client.post(HOOK, data=BODY, headers=headers).status_code == 200


def test_the_bytes_are_verified_as_they_came(client):
    spaced = json.dumps(make_event("envelope-1"), indent=2).encode()

    assert client.post(HOOK, data=spaced, headers={"X-Firma-Signature": sign(spaced)}).status_code == 200
    assert client.post(HOOK, data=BODY, headers={"X-Firma-Signature": sign(spaced)}).status_code == 401


def test_a_repeated_event_is_answered_and_stored_once(app):
    for _ in range(3):
        assert deliver(app, make_event("envelope-1")).status_code == 200

    assert stored(app) == 1


def test_an_event_of_an_unknown_request_is_answered_and_kept(app):
    assert deliver(app, make_event("nobody-knows")).status_code == 200
    work(app)

    assert stored(app) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_a_signed_body_that_is_no_event_is_401(app, client, body):
    answer = client.post(HOOK, data=body, headers={"X-Firma-Signature": sign(body)})

    assert_refused(answer, 401, "unauthorized")
    assert stored(app) == 0


def test_an_event_over_1_mib_is_413(client):
    body = b" " * (1024 * 1024 + 1)

    assert_refused(client.post(HOOK, data=body), 413, "request_too_large")


def test_an_event_in_the_old_shape_is_understood(app, api, signing):
    created = api.created()
    finish(signing)

    deliver(
        app,
        {
            "event_id": "evt_old",
            "event_type": "signing_request.completed",
            "data": {"signing_request_id": signing.only().provider_id},
        },
    )
    work(app)

    assert api.get(f"/v1/signatures/{created['id']}").json["status"] == "completed"


def test_an_event_asks_for_nothing_before_it_is_answered(app, api, signing):
    api.created()
    calls = list(signing.calls)

    deliver(app, make_event(signing.only().provider_id))

    assert signing.calls == calls
