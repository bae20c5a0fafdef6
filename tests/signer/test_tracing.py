"""One id leads through both logs, over real HTTP: from a caller to the signing service, and from there to the API."""

import pytest

from app import worker
from app.api.deps import EXTENSION
from tests.callers import make_body
from tests.logbook import Logbook
from tests.signer.service import REQUESTS

ANSWERED = "request answered"


@pytest.fixture
def pair(start_pair):
    return start_pair()


def test_the_callers_id_is_in_the_signing_services_log(pair, api):
    body = make_body(api.upload())
    logbook = Logbook()

    api.post("/v1/signatures", json=body, headers={"X-Request-Id": "req-1"})

    ours = logbook.line(ANSWERED, route="/v1/signatures")
    theirs = logbook.line(ANSWERED, route=f"{REQUESTS}/create-and-send")
    assert ours["request_id"] == theirs["request_id"] == ours["provider_request_id"] == "req-1"


def test_an_events_id_leads_from_the_signing_service_to_the_api_and_the_event_to_the_worker(pair, app, api):
    created = api.created()
    logbook = Logbook()

    pair.work()
    worker.run_until_idle(app, app.extensions[EXTENSION])

    sent = {line["request_id"] for line in logbook.lines("signer.queue.done", queue="events")}
    received = logbook.lines(ANSWERED, route="/hooks/signing-provider")
    assert [line["status"] for line in received] == [200, 200]
    assert sent == {line["request_id"] for line in received} != set()
    (job,) = logbook.lines("job done", queue="provider events")
    assert job["signature_request_id"] == created["id"]
    assert set(job["event_ids"]) == {line["event_id"] for line in received}
    read = logbook.lines(ANSWERED, route=f"{REQUESTS}/<envelope_id>")
    assert {line["request_id"] for line in read} == {job["request_id"]}
