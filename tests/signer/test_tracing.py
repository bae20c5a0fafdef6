"""One id leads through both logs, over real HTTP: from a caller to the signing service, and from there to the API."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app import worker
from app.api.deps import EXTENSION
from app.gateways.signing.client import SigningClient
from tests.callers import make_body, rewire
from tests.conftest import EVENT_SECRET
from tests.logbook import Logbook
from tests.signer.service import API_KEY, REQUESTS, make_service

ANSWERED = "request answered"


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        """Write nothing."""


@contextmanager
def listening() -> Iterator[BaseWSGIServer]:
    """Listen on a free port; what is to be served is told later."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def pair(app: Flask, signer_template, sandbox, time, tmp_path):
    """The API and the signing service, each at an address that the other knows."""
    folder = tmp_path / "signer"
    folder.mkdir()
    with listening() as api_server, listening() as signer_server, signer_template.copy(folder) as database_url:
        signer_url = f"http://127.0.0.1:{signer_server.server_port}"
        service = make_service(
            folder,
            sandbox,
            database_url=database_url,
            public_url=signer_url,
            webhook_url=f"http://127.0.0.1:{api_server.server_port}/hooks/signing-provider",
            webhook_secret=EVENT_SECRET,
        )
        api_server.app, signer_server.app = app, service.app
        client = SigningClient(base_url=f"{signer_url}/signing-request-api", api_key=API_KEY)
        rewire(app, signing=client)
        yield service
        client.close()
        service.parts.database.engine.dispose()


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
    assert sent == {line["request_id"] for line in received} != set()
    (job,) = logbook.lines("job done", queue="provider events")
    assert job["signature_request_id"] == created["id"]
    assert set(job["event_ids"]) == {line["event_id"] for line in received}
    read = logbook.lines(ANSWERED, route=f"{REQUESTS}/<envelope_id>")
    assert {line["request_id"] for line in read} == {job["request_id"]}
