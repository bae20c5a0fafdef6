"""Receivers can tell that a delivery is ours."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.domain.webhook_secrets import new_secret, random_part
from app.gateways.webhooks import signature
from tests.gateways.webhook_receivers import BODY, DELIVERY_ID, PREVIOUS_SECRET, SECRET, make_request

URL = "https://receiver.example/hook"


def plain_hmac(secret, body):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_the_craftkit_signature_is_a_plain_hmac_of_the_body():
    headers = signature.headers(make_request(URL))

    assert headers["x-craftkit-signature"] == plain_hmac(SECRET, BODY)


def test_a_standard_webhooks_library_verifies_a_delivery():
    headers = signature.headers(make_request(URL))

    assert Webhook(SECRET).verify(BODY, headers)["event"] == "signature.signed"


def test_a_changed_body_fails_verification():
    headers = signature.headers(make_request(URL))

    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(SECRET).verify(BODY.replace(b"signed", b"viewed"), headers)


@given(secret=st.binary(min_size=24, max_size=64), body=st.text().map(str.encode))
def test_any_secret_and_body_verify_both_ways(secret, body):
    secret = "whsec_" + base64.b64encode(secret).decode()

    headers = signature.headers(make_request(URL, secrets=(secret,), body=body))

    Webhook(secret).verify(body, headers, json_parse=False)
    assert headers["x-craftkit-signature"] == plain_hmac(secret, body)


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS_SECRET])
def test_while_a_secret_is_rotated_a_library_verifies_with_either(secret):
    headers = signature.headers(make_request(URL, secrets=(SECRET, PREVIOUS_SECRET)))

    assert Webhook(secret).verify(BODY, headers)


def test_while_a_secret_is_rotated_each_craftkit_header_holds_one_digest():
    headers = signature.headers(make_request(URL, secrets=(SECRET, PREVIOUS_SECRET)))

    assert headers["x-craftkit-signature"] == plain_hmac(SECRET, BODY)
    assert headers["x-craftkit-signature-old"] == plain_hmac(PREVIOUS_SECRET, BODY)


def test_without_a_rotation_there_is_no_old_signature():
    assert "x-craftkit-signature-old" not in signature.headers(make_request(URL))


def test_both_families_carry_the_delivery_and_the_time_of_the_attempt():
    request = make_request(URL)

    headers = signature.headers(request)

    assert headers["x-craftkit-delivery-id"] == headers["webhook-id"] == str(DELIVERY_ID)
    assert headers["x-craftkit-timestamp"] == headers["webhook-timestamp"] == str(int(request.sent_at.timestamp()))


@pytest.mark.parametrize("secrets", [(), (SECRET, PREVIOUS_SECRET, SECRET)])
def test_a_delivery_needs_one_secret_or_two(secrets):
    with pytest.raises(ValueError, match="one secret, or with two"):
        signature.headers(make_request(URL, secrets=secrets))


@pytest.mark.parametrize("secret", ["", "MDEyMzQ1Njc4OQ==", "whsec_é", "whsec_not base64", "whsec_abc"])
def test_a_secret_of_another_kind_is_refused(secret):
    with pytest.raises(ValueError):
        random_part(secret)


def test_a_new_secret_holds_32_random_bytes():
    assert len(random_part(new_secret())) == 32
    assert new_secret() != new_secret()


def test_a_request_shows_neither_its_secrets_nor_its_body_nor_its_url():
    shown = repr(make_request("https://receiver.example/token", secrets=(SECRET, PREVIOUS_SECRET)))

    assert "whsec_" not in shown
    assert "Contrat" not in shown
    assert "token" not in shown
