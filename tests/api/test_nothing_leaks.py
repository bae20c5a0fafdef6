"""What callers hand over in confidence is in no log line, whatever they ask for and however it ends."""

import logging

import pytest

from app import worker
from app.api.deps import EXTENSION
from app.gateways.signing.client import SigningClient
from tests.builders.pdfs import make_pdf
from tests.callers import ANCHOR, make_caller, rewire
from tests.conftest import EVENT_SECRET
from tests.fakes.provider_server import API_KEY, ProviderServer
from tests.fakes.webhooks import answering
from tests.logbook import Logbook
from tests.project.test_routes import address, routes
from tests.provider_events import HOOK, deliver, make_event

MARK = "Xq7"
PERSON = {"firstName": f"Jane{MARK}", "lastName": f"Doe{MARK}", "email": f"jane.{MARK}@example.com"}


@pytest.fixture
def provider(app):
    with ProviderServer() as provider:
        client = SigningClient(base_url=provider.url, api_key=API_KEY)
        rewire(app, signing=client)
        yield provider
        client.close()


@pytest.fixture
def text(app, caplog):
    """Return a function that returns all that was logged so far, by us and by the libraries."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # As configure_logging does.
    logbook = Logbook()
    return lambda: logbook.text + caplog.text


def assert_no_secret(text, *secrets):
    assert "request answered" in text
    for secret in (MARK, API_KEY, EVENT_SECRET, "%PDF", *secrets):
        assert secret not in text, secret


def test_nothing_of_a_request_is_logged_from_its_document_to_its_webhooks(app, provider, webhooks, text):
    api = make_caller(app, name=f"Project{MARK}")
    hook = api.post("/v1/webhooks", json={"url": f"https://receiver.example/{MARK}", "events": ["signature.sent"]})
    body = {"name": f"Contract{MARK}", "recipients": [PERSON], "anchorTags": None}
    created = api.created(renderId=api.upload(make_pdf(text=f"{ANCHOR} {MARK}")), key=f"order-{MARK}", **body)
    api.create(key=f"order-{MARK}", **body)
    api.create(recipients=[{**PERSON, "email": MARK}])
    api.post(f"/v1/signatures/{created['id']}/remind", json={"message": f"Please{MARK}"})
    provider.script("cancel", "drop_before", "error_after")
    for _ in range(3):
        api.post(f"/v1/signatures/{created['id']}/cancel", json={"reason": f"No{MARK}"})
    for fault in ("accept_then_drop", "rubbish", {"kind": "refuse", "status": 400}):
        provider.script("create", fault)
        api.create(**body)
    webhooks.behaviours[f"https://receiver.example/{MARK}"] = answering(500, body=f"answer {MARK}")
    deliver(app, make_event(f"envelope-{MARK}", event_id="evt_1"))
    app.test_client().post(HOOK, data=f"{{{MARK}", headers={"X-Firma-Signature": f"t=1,v1={MARK}"})

    worker.run_until_idle(app, app.extensions[EXTENSION])

    assert hook.status_code == 201
    assert_no_secret(text(), api.key, api.key.split("_")[-1], hook.json["secret"], "anchorString")


def test_no_route_logs_what_it_is_sent(app, api, text):
    for method, rule in routes(app):
        for body in ({MARK: MARK}, [MARK], MARK):
            api.request(method, f"{address(rule)}?{MARK}={MARK}", json=body, headers={"X-Other": MARK})
        stranger = {"Authorization": f"Bearer ck_live_{MARK}", "Cookie": MARK}
        app.test_client().open(address(rule), method=method, headers=stranger, buffered=True)
        app.test_client().open(f"{address(rule)}/{MARK}", method=method, buffered=True)

    assert_no_secret(text(), api.key)


def test_an_error_that_nobody_foresaw_is_logged_without_the_body(app, api, signing, text):
    signing.before["create"] = lambda: {}["missing"]

    assert api.create(name=f"Contract{MARK}", recipients=[PERSON]).status_code == 500

    assert "KeyError" in text()
    assert_no_secret(text(), api.key)
