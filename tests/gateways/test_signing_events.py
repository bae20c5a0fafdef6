"""Which events are believed, and what is read of them."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.datastructures import Headers

from app.domain import clock
from app.domain.errors import InvalidProviderEvent
from app.domain.ports import ProviderEventNotice
from app.gateways.signing.events import HmacEventVerifier
from tests.gateways.envelopes import ENVELOPE_ID

NOW = datetime(2026, 6, 5, 10, tzinfo=UTC)
SECRET = "5ec7e7" * 10
OLD_SECRET = "01d5ec" * 10
EVENT = {"id": "evt_1", "type": "signing_request.completed", "data": {"signing_request": {"id": ENVELOPE_ID}}}
BODY = json.dumps(EVENT).encode()


@pytest.fixture(autouse=True)
def _the_time_is_now(monkeypatch):
    monkeypatch.setattr(clock, "utcnow", lambda: NOW)


def signature(body=BODY, secret=SECRET, late=0):
    moment = int((NOW - timedelta(seconds=late)).timestamp())
    digest = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def verify(body=BODY, secrets=(SECRET,), **headers):
    given = {f"X-Firma-{name.replace('_', '-')}": value for name, value in headers.items()}
    return HmacEventVerifier(secrets).verify(body, given)


def notice_of(event):
    body = json.dumps(event).encode()
    return verify(body, Signature=signature(body))


def test_a_genuine_event_is_read():
    assert verify(Signature=signature()) == ProviderEventNotice(
        event_id="evt_1", type="signing_request.completed", provider_id=ENVELOPE_ID
    )


def test_the_signature_matches_one_worked_out_by_hand():
    # printf '1780653600.{}' | openssl dgst -sha256 -hmac secret
    known = "t=1780653600,v1=2242b908f8bd693bc40c8e9087c440debeeab0252a7c796a9b682961bde5267a"

    assert verify(b"{}", secrets=("secret",), Signature=known).type == "unknown"


@pytest.mark.parametrize("name", ["x-firma-signature", "X-FIRMA-SIGNATURE"])
def test_header_names_are_matched_in_any_case(name):
    headers = Headers([(name, signature())])

    assert HmacEventVerifier([SECRET]).verify(BODY, headers).event_id == "evt_1"


@pytest.mark.parametrize(
    ("secrets", "headers"),
    [
        ([OLD_SECRET], {"Signature": signature(), "Signature_Old": signature(secret=OLD_SECRET)}),
        ([SECRET], {"Signature": signature(), "Signature_Old": signature(secret=OLD_SECRET)}),
        ([SECRET, OLD_SECRET], {"Signature": signature(secret=OLD_SECRET)}),
        ([OLD_SECRET, SECRET], {"Signature": signature()}),
    ],
)
def test_during_a_rotation_either_secret_is_enough(secrets, headers):
    assert verify(secrets=secrets, **headers).event_id == "evt_1"


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_every_event_is_refused(secrets):
    with pytest.raises(InvalidProviderEvent):
        verify(secrets=secrets, Signature=signature(secret=""))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=,v1=",
        "t=1780653600",
        f"v1={'0' * 64}",
        f"t=1780653600,v1={'0' * 64}",
        "t=1780653600,v1=é",
        "t=1780653600,v1=\udce9",
        signature().replace("t=", "t=0"),
        signature().replace("t=", "t=٣"),
        signature().replace("t=", "t=1,t="),
        signature().replace("v1=", "v0="),
        signature(secret=OLD_SECRET),
        signature(body=BODY + b" "),
        signature()[:-1],
    ],
)
def test_a_wrong_signature_is_refused(header):
    with pytest.raises(InvalidProviderEvent):
        verify(Signature=header)


def test_a_missing_signature_is_refused():
    with pytest.raises(InvalidProviderEvent):
        verify()


@pytest.mark.parametrize("late", [300, -300, 0])
def test_five_minutes_either_way_are_accepted(late):
    assert verify(Signature=signature(late=late)).event_id == "evt_1"


@pytest.mark.parametrize("late", [301, -301, 10**9])
def test_more_than_five_minutes_either_way_are_refused(late):
    with pytest.raises(InvalidProviderEvent):
        verify(Signature=signature(late=late))


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b"7", b"\xff", b"[" * 100_000], ids=lambda body: body[:8])
def test_a_genuine_body_without_a_json_object_is_refused(body):
    with pytest.raises(InvalidProviderEvent):
        verify(body, Signature=signature(body))


def test_the_older_shape_of_a_body_is_read_too():
    older = {"event_id": "evt_2", "event_type": "signing_request.viewed", "data": {"signing_request_id": ENVELOPE_ID}}

    assert notice_of(older) == ProviderEventNotice(
        event_id="evt_2", type="signing_request.viewed", provider_id=ENVELOPE_ID
    )


@pytest.mark.parametrize("event_id", [None, "", 7, "a\u0000b", "x" * 201])
def test_an_event_without_a_usable_id_is_known_by_its_bytes(event_id):
    body = json.dumps({**EVENT, "id": event_id}).encode()

    assert verify(body, Signature=signature(body)).event_id == f"sha256:{hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize(
    "event",
    [
        {"id": "evt_3"},
        {"id": "evt_3", "type": 7, "data": None},
        {"id": "evt_3", "type": "two words", "data": []},
        {"id": "evt_3", "data": {"signing_request": None, "signing_request_id": "../x"}},
        {"id": "evt_3", "data": {"signing_request": {"id": 7}}},
    ],
)
def test_what_has_no_usable_shape_is_left_out(event):
    assert notice_of(event) == ProviderEventNotice(event_id="evt_3", type="unknown", provider_id=None)
