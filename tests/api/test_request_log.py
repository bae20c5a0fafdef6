"""One line for each request, when it is answered."""

import pytest

from app import worker
from app.api.deps import EXTENSION
from app.domain.errors import ProviderRejected
from app.gateways.signing.client import SigningClient
from tests.callers import ABSENT, make_body, rewire
from tests.fakes.provider_server import API_KEY, ProviderServer
from tests.fakes.signing import raising
from tests.logbook import Logbook

ANSWERED = "request answered"


@pytest.fixture
def logbook(app):
    return Logbook()


def test_the_line_says_what_was_asked_and_how_it_went(api, logbook):
    answer = api.get("/v1/signatures", headers={"X-Request-Id": "req-1"})

    line = logbook.line(ANSWERED)
    assert answer.status_code == 200
    assert line.pop("timestamp")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": ANSWERED,
        "level": "info",
        "request_id": "req-1",
        "method": "GET",
        "route": "/v1/signatures",
        "status": 200,
        "project_id": str(api.project_id),
    }


def test_the_line_names_the_route_and_not_the_address(api, logbook):
    api.get(f"/v1/renders/{ABSENT}")
    api.get("/v1/a-secret-in-the-wrong-place")

    assert [line["route"] for line in logbook.lines(ANSWERED)] == ["/v1/renders/<uuid:render_id>", None]
    assert ABSENT not in logbook.text
    assert "wrong-place" not in logbook.text


def test_a_method_that_nobody_knows_is_not_repeated(app, logbook):
    app.test_client().open("/v1/signatures", method="JANE@EXAMPLE.COM")

    assert logbook.line(ANSWERED)["method"] == "other"


def test_the_line_names_the_signature_request_of_the_address(api, logbook):
    api.get(f"/v1/signatures/{ABSENT}")

    assert logbook.line(ANSWERED)["signature_request_id"] == ABSENT


def test_the_line_names_the_signature_request_that_was_created(api, logbook):
    created = api.created()

    assert logbook.line(ANSWERED, route="/v1/signatures")["signature_request_id"] == created["id"]


def test_the_line_of_a_replay_names_the_first_signature_request(api, logbook):
    body = make_body(api.upload())
    first, again = (api.post("/v1/signatures", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))

    lines = logbook.lines(ANSWERED, route="/v1/signatures")
    assert [line["status"] for line in lines] == [201, 200]
    assert {line["signature_request_id"] for line in lines} == {first.json["id"]} == {again.json["id"]}


def test_the_line_names_a_signature_request_that_was_refused(api, signing, logbook):
    signing.before["create"] = raising(ProviderRejected("No.", operation="create"))

    assert api.create().status_code == 502
    assert logbook.line(ANSWERED, status=502)["signature_request_id"]


def test_a_request_takes_nothing_along_from_the_one_before(api, app, logbook):
    api.created()
    app.test_client().get("/v1/health")

    assert not logbook.line(ANSWERED, route="/v1/health").keys() & {"project_id", "signature_request_id"}


def test_an_error_that_nobody_foresaw_is_one_line_more(api, signing, logbook):
    signing.before["create"] = raising(RuntimeError("unforeseen"))

    failed = api.create()

    bug, answered = logbook.line("unhandled error"), logbook.line(ANSWERED, status=500)
    assert bug["request_id"] == answered["request_id"] == failed.headers["X-Request-Id"]


def test_below_the_level_nothing_is_written(app, api):
    logbook = Logbook(level="warning")

    api.get("/v1/signatures")

    assert logbook.text == ""


# --- Calls of the signing service, and jobs ------------------------------------------------------------------------


@pytest.fixture
def provider(app):
    with ProviderServer() as provider:
        client = SigningClient(base_url=provider.url, api_key=API_KEY)
        rewire(app, signing=client)
        yield provider
        client.close()


def test_the_line_names_the_providers_id_of_the_call_that_was_made(api, provider, logbook):
    api.created()

    call = logbook.line("signing service answered", operation="create")
    assert call["provider_request_id"]
    assert logbook.line(ANSWERED, route="/v1/signatures")["provider_request_id"] == call["provider_request_id"]
    assert call["request_id"] == logbook.line(ANSWERED, route="/v1/signatures")["request_id"]


def test_the_id_of_an_earlier_call_is_not_taken_for_that_of_one_without_an_answer(api, provider, logbook):
    created = api.created()
    provider.script("cancel", "drop_before")

    assert api.post(f"/v1/signatures/{created['id']}/cancel").status_code == 502
    assert "provider_request_id" not in logbook.line(ANSWERED, status=502)


def test_a_job_has_an_id_of_its_own_and_names_its_request_and_the_providers(app, api, provider, time, logbook):
    created = api.created()
    time.advance(seconds=1000)

    worker.run_until_idle(app, app.extensions[EXTENSION])

    job = logbook.line("job done", queue="polling")
    assert job["signature_request_id"] == created["id"]
    assert job["provider_request_id"]
    assert job["attempts"] == 1
    assert job["duration_ms"] >= 0
    reads = logbook.lines("signing service answered", queue="polling")
    assert {line["request_id"] for line in reads} == {job["request_id"]}
