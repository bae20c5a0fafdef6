"""`/metrics`: what was counted, what the database holds, and who may read it."""

from dataclasses import replace

import pytest

from app.domain.errors import ProviderUnavailable
from app.domain.lifecycle import Status
from app.extensions import db
from app.factory import create_app
from app.gateways.signing.client import SigningClient
from tests.callers import ABSENT, rewire
from tests.fakes.provider_server import API_KEY, ProviderServer
from tests.fakes.signing import raising
from tests.logbook import Logbook
from tests.samples import Samples

REQUESTS = "countersign_http_requests_total"


def read(app):
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Samples(answer.text)


# --- Requests --------------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_method_route_and_status(app, api):
    before = read(app)

    api.get(f"/v1/signatures/{ABSENT}")
    api.get(f"/v1/signatures/{ABSENT}")
    api.get("/v1/signatures")
    api.get("/v1/nothing")

    grown = read(app).since(before)
    by_id = {"method": "GET", "route": "/v1/signatures/<uuid:request_id>"}
    assert grown(REQUESTS, **by_id, status="404") == 2
    assert grown(REQUESTS, method="GET", route="/v1/signatures", status="200") == 1
    assert grown(REQUESTS, method="GET", route="none", status="404") == 1
    assert grown("countersign_http_request_duration_seconds_count", **by_id) == 2


def test_the_time_until_the_answer_is_in_its_bucket(app, api, signing, time):
    render_id = api.upload()
    before = read(app)
    signing.before["create"] = lambda: time.advance(seconds=2)

    api.created(renderId=render_id)

    grown = read(app).since(before)
    route = {"method": "POST", "route": "/v1/signatures"}
    assert grown("countersign_http_request_duration_seconds_sum", **route) == pytest.approx(2)
    assert grown("countersign_http_request_duration_seconds_bucket", **route, le="1.0") == 0
    assert grown("countersign_http_request_duration_seconds_bucket", **route, le="2.5") == 1


def test_methods_and_addresses_that_somebody_makes_up_are_one_series(app):
    before = read(app)

    for number in range(3):
        app.test_client().open(f"/made-up-{number}", method=f"MADEUP{number}")

    assert read(app).since(before)(REQUESTS, method="other", route="none", status="404") == 3


# --- Calls of the signing service ------------------------------------------------------------------------------------


def test_calls_of_the_signing_service_are_counted_by_outcome(app, api):
    calls = "countersign_provider_calls_total"
    before = read(app)
    with ProviderServer() as provider:
        client = SigningClient(base_url=provider.url, api_key=API_KEY)
        rewire(app, signing=client)
        provider.script("cancel", "drop_before", {"kind": "refuse", "status": 409}, "error_before")
        created = api.created()
        for _ in range(3):
            api.post(f"/v1/signatures/{created['id']}/cancel")
        client.close()
    rewire(app, signing=SigningClient(base_url=provider.url, api_key=API_KEY))
    api.create()

    grown = read(app).since(before)
    assert grown(calls, operation="create", outcome="2xx") == 1
    assert grown(calls, operation="cancel", outcome="no_answer") == 1
    assert grown(calls, operation="create", outcome="not_reached") == 1
    assert grown("countersign_provider_call_duration_seconds_count", operation="create") == 2


# --- The database ----------------------------------------------------------------------------------------------------


def test_requests_there_are_by_status(app, api):
    for _ in range(2):
        api.created()
    api.post(f"/v1/signatures/{api.created()['id']}/cancel")

    found = read(app)

    counts = {status: found("countersign_signature_requests", status=status) for status in Status}
    assert counts == dict.fromkeys(Status, 0) | {Status.SENT: 2, Status.CANCELLED: 1}


def test_what_waits_and_for_how_long(app, api, signing, time):
    signing.before["create"] = raising(ProviderUnavailable("Gone.", operation="create", may_have_acted=True))
    api.create()
    time.advance(minutes=30)

    found = read(app)

    assert found("countersign_backlog_rows", backlog="requests_in_doubt") == 1
    age = found("countersign_backlog_oldest_seconds", backlog="requests_in_doubt")
    assert age == pytest.approx(1800, abs=30)
    assert age > found("countersign_backlog_patience_seconds", backlog="requests_in_doubt") > 600
    assert found("countersign_backlog_rows", backlog="events_not_applied") == 0
    assert found("countersign_backlog_oldest_seconds", backlog="events_not_applied") == 0


def test_the_version_is_there(app):
    assert read(app)("countersign_build_info", version="0.1.0") == 1


def test_without_the_database_the_rest_is_told(app, api):
    with app.app_context():
        db.drop_all()

    found = read(app)

    assert found("countersign_database_up") == 0
    assert found.has(REQUESTS)
    assert not found.has("countersign_backlog_rows")


def test_no_call_is_made_and_nothing_is_sent(app, api, signing):
    signing.calls.clear()

    read(app)

    assert signing.calls == []


# --- Who may read them -----------------------------------------------------------------------------------------------


def get_from(app, address, **headers):
    return app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers)


@pytest.fixture
def served(settings, deps):
    """Return a function that returns an app with other settings."""
    apps = []

    def serve(**changes):
        changed = replace(settings, **changes)
        apps.append(create_app(changed, replace(deps, settings=changed)))
        return apps[-1]

    yield serve
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may(app, address):
    assert get_from(app, address).status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "", "unix:"])
def test_to_others_there_is_nothing(app, address):
    refused, nowhere = get_from(app, address), app.test_client().get("/nowhere")

    assert refused.status_code == 404
    assert refused.json == nowhere.json


def test_other_networks_can_be_let_in(served):
    app = served(metrics_allowed_cidrs=("10.1.0.0/16",))

    assert get_from(app, "10.1.2.3").status_code == 200
    assert get_from(app, "127.0.0.1").status_code == 404


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_proxy_on_this_machine_that_was_not_declared_lets_nobody_in(app, header):
    assert get_from(app, "127.0.0.1", **{header: "192.0.2.1"}).status_code == 404
    assert get_from(app, "127.0.0.1", **{header: "127.0.0.1"}).status_code == 404


def test_through_a_trusted_proxy_the_callers_own_address_counts(served):
    app = served(trusted_proxies=("127.0.0.1",), metrics_allowed_cidrs=("10.1.0.0/16",))

    assert get_from(app, "127.0.0.1", **{"X-Forwarded-For": "10.1.2.3"}).status_code == 200
    assert get_from(app, "127.0.0.1", **{"X-Forwarded-For": "192.0.2.1"}).status_code == 404
    assert get_from(app, "127.0.0.1", **{"X-Forwarded-For": "10.1.2.3, 192.0.2.1"}).status_code == 404


def test_one_process_of_several_does_not_pass_its_numbers_off_as_all(app):
    logbook = Logbook()

    answer = app.test_client().get("/metrics", multiprocess=True)

    assert answer.status_code == 503
    assert "gunicorn.py" in logbook.text
