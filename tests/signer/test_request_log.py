"""What the signing service logs of a request: its route and its id, and never an address, since those hold secrets."""

import json
import re

import pytest

from app.signer.models.base import SignerBase
from app.signer.page_guard import form_key
from tests.logbook import Logbook
from tests.signer.service import API_KEY, REQUESTS

ANSWERED = "request answered"


@pytest.fixture
def logbook(service):
    return Logbook()


def test_a_call_is_logged_with_the_callers_id_and_answered_with_it(service, logbook):
    answer = service.call("GET", f"{REQUESTS}?name=Jane", headers={"X-Request-Id": "req-1"})

    line = logbook.line(ANSWERED)
    assert answer.headers["X-Request-Id"] == "req-1"
    assert (line["request_id"], line["route"], line["status"]) == ("req-1", REQUESTS, 200)
    assert "Jane" not in logbook.text


def test_an_id_that_could_break_a_line_is_replaced(service, logbook):
    answer = service.call("GET", REQUESTS, headers={"X-Request-Id": "a b"})

    assert answer.headers["X-Request-Id"] == logbook.line(ANSWERED)["request_id"] != "a b"


def test_no_link_of_a_person_and_no_file_is_in_the_log(service):
    service.create()
    service.work()
    token = service.token()
    logbook = Logbook()
    browser = service.app.test_client()

    browser.get(f"/signing/{token}", buffered=True)
    opened = browser.post(f"/signing/{token}/open", data={"form_key": form_key(token)})
    browser.get(opened.headers["Location"], buffered=True)
    browser.get("/files/some-token", buffered=True)
    browser.put("/uploads/some-token", data=b"%PDF", buffered=True)

    routes = {line["route"] for line in logbook.lines(ANSWERED)}
    assert {"/signing/<token>", "/signing/<token>/open", "/files/<token>", "/uploads/<token>"} <= routes
    for secret in (token, "some-token", API_KEY, opened.headers["Location"].rsplit("/", 1)[-1], "%PDF", "127.0.0.1"):
        assert secret not in logbook.text


def test_an_error_that_nobody_foresaw_is_logged_without_the_link(service, logbook):
    service.app.testing = False
    SignerBase.metadata.drop_all(service.parts.database.engine)

    answer = service.app.test_client().get("/signing/the-token-of-a-person")

    assert answer.status_code == 500
    assert logbook.line(ANSWERED)["status"] == 500
    assert "sqlalchemy.exc." in logbook.line("unhandled error")["exception"]
    assert "the-token" not in logbook.text


def test_a_job_has_an_id_of_its_own(service, logbook):
    service.create()
    service.work()

    job = logbook.line("signer.queue.done", queue="mails")
    assert job["duration_ms"] >= 0
    assert re.fullmatch(r"[0-9a-f-]{36}", job["request_id"])
    assert logbook.line("signer.mail.written")["request_id"] == job["request_id"]
    assert json.dumps(job).count("@") == 0
