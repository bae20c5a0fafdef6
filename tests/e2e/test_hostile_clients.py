"""What a real server does with clients that are slow, send too much, or speak no HTTP."""

import json
import re
import time

import pytest
import requests
from sqlalchemy import create_engine, text

from tests.builders.sized import padded_pdf
from tests.e2e.api_process import running_api
from tests.e2e.hostile_client import SOON, Client, crowd

pytestmark = pytest.mark.processes

MIB = 1024 * 1024
HOOK = "/hooks/signing-provider"

#: How long a client may be slow on this server, in seconds.
PATIENCE = 1

#: As many as the server has threads: one process may accept them all, and has half of the threads.
FEW = 4

#: What healthy callers may have to wait, in seconds.
PROMPT = 2


@pytest.fixture(scope="module")
def api(database_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    sizes = {"WEB_CONCURRENCY": "2", "WEB_THREADS": "2", "WEB_CLIENT_SECONDS": str(PATIENCE)}
    with (
        database_template.copy(folder) as url,
        running_api(url, folder, **sizes, FLASK_DEBUG="1", RATE_LIMIT_FAILED_AUTH="100000 per minute") as api,
    ):
        yield api


@pytest.fixture
def client(api):
    client = Client(api)
    with client.socket:
        yield client


def seconds_to_answer(api):
    began = time.monotonic()
    assert requests.get(f"{api.url}/v1/health", timeout=30).ok
    return time.monotonic() - began


def begin_head(client):
    client.socket.sendall(f"POST {HOOK} HTTP/1.1\r\nHost: sign.test\r\nX-Slow: ".encode())


def begin_body(client):
    client.ask("POST", HOOK, "Content-Length: 1000", with_key=False)


def begin_chunk(client):
    client.ask("POST", HOOK, "Transfer-Encoding: chunked", body=b"fff\r\n\r\n\r\n", with_key=False)


def begin_trailers(client):
    client.ask("POST", HOOK, "Transfer-Encoding: chunked", body=b"1\r\na\r\n0\r\nX-Slow: ", with_key=False)


def begin_when_told(client):
    client.ask("POST", HOOK, "Expect: 100-continue", "Content-Length: 1000", with_key=False)


def say_nothing(_client):
    pass


SLOW = [begin_head, begin_body, begin_chunk, begin_trailers, begin_when_told]


def test_a_crowd_that_sends_a_byte_now_and_then_holds_up_nobody_and_is_cut_off(api):
    with crowd(api, *SLOW) as clients:
        listening, longest = set(clients), 0.0
        deadline = time.monotonic() + SOON
        while listening and time.monotonic() < deadline:
            longest = max(longest, seconds_to_answer(api))
            listening = {client for client in listening if client.drip()}
        kept = max(time.monotonic() - client.began for client in clients)

    assert not listening
    assert longest < PROMPT
    assert PATIENCE <= kept < PATIENCE + PROMPT


def test_a_crowd_that_says_nothing_holds_up_nobody_and_is_let_go(api):
    with crowd(api, say_nothing) as clients:
        assert seconds_to_answer(api) < PROMPT
        assert {client.answer() for client in clients} == {(None, b"")}


def test_who_is_late_with_a_body_hears_it(api):
    with crowd(api, begin_body, size=1) as (client,):
        assert client.answer()[0] == 408


def test_who_sends_a_large_body_slowly_is_cut_off_even_with_a_key(api):
    def begin(client):
        client.ask("POST", "/v1/renders", "Content-Type: application/pdf", f"Content-Length: {MIB}", body=b"%PDF")

    with crowd(api, begin, size=FEW) as clients:
        assert seconds_to_answer(api) < 2 * PATIENCE + PROMPT
        assert {client.answer()[0] for client in clients} == {400}


def test_who_is_refused_keeps_no_thread_with_a_body_that_nobody_wants(api):
    def begin(client):
        client.ask("POST", "/v1/renders", f"Content-Length: {50 * MIB}", body=b"%PDF", with_key=False)

    with crowd(api, begin) as clients:
        assert seconds_to_answer(api) < PROMPT
        assert {client.answer()[0] for client in clients} == {401}


def test_who_does_not_read_an_answer_is_cut_off(api):
    large = requests.post(
        f"{api.url}/v1/renders",
        data=padded_pdf(12 * MIB),
        headers={"Authorization": f"Bearer {api.key}", "Content-Type": "application/pdf"},
        timeout=30,
    ).json()["id"]

    with crowd(
        api, lambda client: client.ask("GET", f"/v1/renders/{large}/download"), size=FEW, window=4096
    ) as clients:
        assert seconds_to_answer(api) < 2 * PATIENCE + PROMPT
        # The other process may have answered that, while this client still has time.
        time.sleep(2 * PATIENCE)
        status, received = clients[0].answer()

    assert status == 200
    assert len(received) < 12 * MIB


def test_a_line_that_is_only_slow_is_served(client):
    body = b"%PDF" + b" " * 200_000
    client.ask("POST", "/v1/renders", "Content-Type: application/pdf", f"Content-Length: {len(body)}")
    for start in range(0, len(body), 20_000):
        client.socket.sendall(body[start : start + 20_000])
        time.sleep(PATIENCE / 8)

    status, received = client.answer()

    assert status == 400
    assert b"invalid_request" in received


@pytest.mark.parametrize(
    ("path", "kind", "length", "code"),
    [
        ("/v1/signatures", "application/json", MIB + 1, "request_too_large"),
        ("/v1/renders", "application/json", MIB + 1, "request_too_large"),
        ("/v1/renders", "application/pdf", 50 * MIB + 1, "document_too_large"),
        ("/v1/renders", "multipart/form-data; boundary=x", 51 * MIB, "document_too_large"),
        (HOOK, "application/json", MIB, "request_too_large"),
    ],
)
def test_what_says_that_it_is_too_large_is_refused_unread_and_the_connection_ends(client, path, kind, length, code):
    client.ask("POST", path, f"Content-Type: {kind}", f"Content-Length: {length}")

    status, received = client.answer()

    assert status == 413
    assert f'"{code}"'.encode() in received
    assert client.socket.recv(1) == b""


@pytest.mark.parametrize(
    ("path", "kind", "size", "code"),
    [
        ("/v1/signatures", "application/json", MIB, "invalid_request"),
        ("/v1/signatures", "application/json", MIB + 1, "request_too_large"),
        ("/v1/renders", "application/pdf", 50 * MIB + 1, "document_too_large"),
        (HOOK, "application/json", 256 * 1024, "unauthorized"),
        (HOOK, "application/json", 256 * 1024 + 1, "request_too_large"),
    ],
)
def test_a_body_in_chunks_has_the_same_limit_to_the_byte(api, path, kind, size, code):
    def chunks():
        yield b"{}".ljust(size - 1)
        yield b" "

    answer = requests.post(
        api.url + path,
        data=chunks(),
        headers={"Authorization": f"Bearer {api.key}", "Content-Type": kind},
        timeout=30,
    )

    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    "parts",
    [
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 2000,
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + b"a" * MIB + b'"\r\n\r\n\r\n',
    ],
)
def test_a_form_of_many_parts_or_endless_headers_is_refused(api, parts):
    answer = requests.post(
        f"{api.url}/v1/renders",
        data=parts + b"--x--\r\n",
        headers={"Authorization": f"Bearer {api.key}", "Content-Type": "multipart/form-data; boundary=x"},
        timeout=30,
    )

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "request_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 5000 + b"\r\n\r\n", 431, "request_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: a\r\n" * 70 + b"\r\n", 431, "request_too_large"),
        (b"NONSENSE\r\n\r\n", 400, "invalid_request"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "invalid_request",
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "invalid_request"),
    ],
)
def test_what_is_no_sane_http_is_refused_at_once_and_in_the_shape_of_all_errors(api, head, status, code):
    with crowd(api, lambda client: client.socket.sendall(head), size=1) as (client,):
        answered, received = client.answer()

    assert answered == status
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"] == code


def test_a_body_that_is_no_chunks_is_the_clients_fault(client):
    client.ask("POST", "/v1/signatures", "Transfer-Encoding: chunked", body=b"xyz\r\n")

    status, received = client.answer()

    assert status == 400
    assert b'"invalid_request"' in received


def test_requests_sent_ahead_are_all_answered_in_turn(client):
    for _ in range(3):
        client.ask("POST", "/v1/signatures", "Content-Length: 1", body=b"{")
        client.ask("POST", "/v1/renders", "Transfer-Encoding: chunked", body=b"1\r\na\r\n0\r\n\r\n")
        client.ask("GET", "/v1/health")

    received = client.answer()[1]

    assert [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3})", received)] == [400, 415, 200] * 3


def test_who_asks_whether_to_go_on_is_told(client):
    client.ask("POST", "/v1/signatures", "Expect: 100-continue", "Content-Length: 1")
    assert client.socket.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"

    client.socket.sendall(b"{")

    assert b"HTTP/1.1 400" in client.answer()[1]


def test_no_answer_names_a_version_of_the_server(api):
    server = requests.get(f"{api.url}/v1/health", timeout=30).headers["Server"]

    assert not re.search("[0-9]", server)


def test_debugging_cannot_be_switched_on_from_outside(api):
    """FLASK_DEBUG=1 is set for this server."""
    engine = create_engine(api.environment["DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE renders RENAME TO gone"))
    try:
        failed = api.get("/v1/renders?limit=1")
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO renders"))
        engine.dispose()

    assert failed.status_code == 500
    assert failed.json() == {"error": {"code": "internal", "message": "Something went wrong on this server."}}
    assert "Traceback" not in failed.text
    assert api.get("/console").status_code == 404
    assert api.get("/?__debugger__=yes&cmd=resource&f=debugger.js").status_code == 404
