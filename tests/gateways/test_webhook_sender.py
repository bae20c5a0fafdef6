"""An attempt at a delivery, against real receivers: what comes back, and that it always comes back in time."""

import hashlib
import hmac
import logging
import socket
from datetime import timedelta
from email.utils import format_datetime

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from app.domain import clock
from app.domain.ports import WebhookFault
from app.gateways.webhooks.sender import _seconds
from tests.gateways.fault_server import FaultServer, closed_port, hang_up, reset, say, stay_silent
from tests.gateways.webhook_receivers import (
    AT_MOST,
    BODY,
    DELIVERY_ID,
    LIMIT,
    OK,
    PREVIOUS_SECRET,
    SECRET,
    Stopwatch,
    drip,
    flood,
    make_certificate,
    make_request,
    make_sender,
    received,
    url_of,
)

METADATA = "http://169.254.169.254/latest/meta-data/"
NAME = "receiver.example"


def attempt(behave, **request):
    with FaultServer(behave) as server:
        return make_sender().send(make_request(url_of(server), **request))


def hurried_attempt(behave):
    """Make an attempt with a short limit; return the answer and how many seconds it took."""
    with FaultServer(behave) as server:
        stopwatch = Stopwatch()
        answer = make_sender(timeout_seconds=LIMIT).send(make_request(url_of(server)))
        return answer, stopwatch.seconds


def status(line, *headers, body=b""):
    return say("\r\n".join([f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body)


# --- What arrives ----------------------------------------------------------------------------------------------------


def test_a_receiver_gets_the_very_bytes_with_both_signatures():
    with FaultServer(say(OK)) as server:
        answer = make_sender().send(make_request(url_of(server), secrets=(SECRET, PREVIOUS_SECRET)))

    first, headers, body = received(server)
    assert first == "POST /hook?from=countersign HTTP/1.1"
    assert body == BODY
    assert headers["user-agent"] == "Craftkit-Webhook/1.0"
    assert headers["content-type"] == "application/json"
    assert headers["x-craftkit-event"] == "signature.signed"
    assert headers["x-craftkit-delivery-id"] == str(DELIVERY_ID)
    for secret, name in ((SECRET, "x-craftkit-signature"), (PREVIOUS_SECRET, "x-craftkit-signature-old")):
        Webhook(secret).verify(body, headers)
        assert headers[name] == hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert (answer.status, answer.body, answer.error, answer.delivered) == (200, "ok", None, True)


def test_attempts_differ_in_their_time_alone():
    with FaultServer(say(OK)) as server:
        first = make_request(url_of(server))
        make_sender().send(first)
        make_sender().send(make_request(url_of(server), sent_at=first.sent_at + timedelta(seconds=30)))

    timed = (b"x-craftkit-timestamp", b"webhook-timestamp", b"webhook-signature")
    one, two = ([line for line in raw.split(b"\r\n") if not line.startswith(timed)] for raw in server.requests)
    assert one == two
    assert server.requests[0] != server.requests[1]


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with closed_port() as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")

        assert attempt(say(OK)).delivered


def test_a_netrc_is_not_read(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FaultServer(say(OK)) as server:
        make_sender().send(make_request(url_of(server)))

    assert "authorization" not in received(server)[1]


# --- What comes back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["200 OK", "201 Created", "204 No Content", "299 Fine"])
def test_every_2xx_is_a_success(line):
    assert attempt(status(line)).delivered


@pytest.mark.parametrize("line", ["199 Odd", "304 Not Modified", "400 Bad Request", "410 Gone", "500 Oops", "999 What"])
def test_every_other_status_is_a_failure(line):
    answer = attempt(status(line))

    assert answer.status == int(line[:3])
    assert not answer.delivered


def test_a_failure_comes_with_what_the_receiver_said():
    answer = attempt(status("500 Oops", body="database à terre".encode()))

    assert (answer.status, answer.body, answer.error, answer.gone) == (500, "database à terre", None, False)


def test_a_receiver_can_say_that_it_is_gone():
    assert attempt(status("410 Gone")).gone


def test_a_redirect_is_not_followed():
    with FaultServer(say(OK)) as elsewhere, FaultServer(status("302 Found", f"Location: {elsewhere.url}")) as server:
        answer = make_sender().send(make_request(url_of(server)))

    assert (answer.status, answer.error, answer.delivered) == (302, WebhookFault.REDIRECT, False)
    assert elsewhere.requests == []


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_to_the_metadata_address_is_a_failure(code):
    answer = attempt(status(f"{code} Elsewhere", f"Location: {METADATA}"))

    assert (answer.status, answer.error) == (code, WebhookFault.REDIRECT)


def test_bytes_that_are_no_text_are_replaced():
    assert attempt(status("500 Oops", body=b"a\xffb")).body == "a\ufffdb"


def test_a_chunked_answer_is_put_together():
    answer = attempt(say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"))

    assert (answer.body, answer.delivered) == ("abc", True)


def test_a_chunk_of_a_negative_size_does_not_widen_what_is_kept():
    answer = attempt(say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + b"x" * 8000))

    assert len(answer.body) <= 1024


def test_an_answer_that_breaks_off_keeps_its_status_and_its_beginning():
    answer = attempt(say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))

    assert (answer.status, answer.body, answer.delivered) == (200, "half", True)


@pytest.mark.parametrize("length", ["Content-Length: 67108864", "X-Length: unknown", "Content-Encoding: gzip"])
def test_of_a_huge_answer_only_the_beginning_is_read(length):
    with FaultServer(flood(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode(), megabytes=64)) as server:
        answer = make_sender().send(make_request(url_of(server)))

    assert (answer.body, answer.delivered) == ("x" * 1024, True)
    assert server.sent_bytes < 32 * 1024 * 1024


def test_an_attempt_says_how_long_it_took():
    answer, seconds = hurried_attempt(stay_silent)

    assert LIMIT * 1000 <= answer.duration_ms <= seconds * 1000 + 1


# --- When to come again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("120", 120), ("86400", 86400), ("86401", 86400), ("9" * 5000, 86400)],
)
def test_a_receiver_can_ask_for_seconds_up_to_a_day(value, seconds):
    assert attempt(status("503 Busy", f"Retry-After: {value}")).retry_after == seconds


@pytest.mark.parametrize(
    ("later", "seconds"),
    [(timedelta(minutes=2), 120), (timedelta(days=400), 86400), (timedelta(hours=-1), 0)],
)
def test_a_receiver_can_ask_for_a_time_up_to_a_day_from_now(monkeypatch, later, seconds):
    now = clock.utcnow().replace(microsecond=0)
    monkeypatch.setattr(clock, "utcnow", lambda: now)
    busy = status("503 Busy", f"Retry-After: {format_datetime(now + later, usegmt=True)}")

    assert attempt(busy, sent_at=now).retry_after == seconds


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "٣", "Wed, 99 Nov 2026 99:00:00 GMT", "1 2", "0x10"])
def test_a_wish_that_makes_no_sense_is_none(value):
    assert _seconds(value) is None


@pytest.mark.parametrize(
    "value", ["Thu, 01 Jan 99999999999 00:00:00 GMT", f"Thu, 01 Jan 2026 00:00:00 +{'9' * 20}", f"{'9' * 5000} 1 1"]
)
def test_an_answer_with_a_wish_for_no_time_that_can_be_counts_as_it_is(value):
    answer = attempt(status("204 No Content", f"Retry-After: {value}"))

    assert (answer.delivered, answer.error, answer.retry_after) == (True, None, None)


@given(st.text())
def test_no_wish_makes_the_sender_stumble(value):
    seconds = _seconds(value)

    assert seconds is None or 0 <= seconds <= 86400


# --- What the network does -------------------------------------------------------------------------------------------


def test_a_silent_receiver_is_left_in_time():
    answer, seconds = hurried_attempt(stay_silent)

    assert (answer.status, answer.error) == (None, WebhookFault.TIMEOUT)
    assert LIMIT <= seconds < AT_MOST


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"HTTP/1.1 2", b"0"),
        (b"HTTP/1.1 200 OK\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "header", "headers", "interim answers"],
)
def test_a_receiver_that_drips_its_head_is_left_in_time(beginning, piece):
    answer, seconds = hurried_attempt(drip(beginning, piece))

    assert (answer.status, answer.error) == (None, WebhookFault.TOO_SLOW)
    assert LIMIT <= seconds < AT_MOST


@pytest.mark.parametrize(
    ("headers", "piece"),
    [(b"", b"x"), (b"Content-Length: 1024\r\n", b"x"), (b"Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n")],
    ids=["until closed", "by length", "chunked"],
)
def test_a_receiver_that_drips_its_body_has_answered_and_is_left_in_time(headers, piece):
    answer, seconds = hurried_attempt(drip(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n", piece))

    assert (answer.status, answer.error, answer.delivered) == (200, None, True)
    assert set(answer.body) == {"x"}
    assert LIMIT <= seconds < AT_MOST


def test_a_handshake_that_drips_is_left_in_time():
    # A TLS record of a handshake message that announces 16 kB and comes byte by byte.
    with FaultServer(drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00")) as server:
        stopwatch = Stopwatch()
        url = url_of(server).replace("http://", "https://")
        answer = make_sender(timeout_seconds=LIMIT).send(make_request(url))

        assert answer.error == WebhookFault.TIMEOUT
        assert LIMIT <= stopwatch.seconds < AT_MOST


def test_a_receiver_that_takes_nothing_is_left_in_time():
    # The system takes the connection for a server that never does, and its buffers are smaller than the body.
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        stopwatch = Stopwatch()
        request = make_request(f"http://127.0.0.1:{deaf.getsockname()[1]}/", body=b"x" * 16 * 1024 * 1024)
        answer = make_sender(timeout_seconds=LIMIT).send(request)

    assert answer.error == WebhookFault.TIMEOUT
    assert LIMIT <= stopwatch.seconds < AT_MOST


def test_a_resolver_that_hangs_is_left_in_time():
    def resolve(_host, seconds):
        assert seconds <= LIMIT
        raise TimeoutError

    answer = make_sender(timeout_seconds=LIMIT, resolve=resolve).send(make_request(f"https://{NAME}/"))

    assert answer.error == WebhookFault.TIMEOUT


def test_a_refused_connection_is_a_failure():
    with closed_port() as port:
        answer = make_sender().send(make_request(f"http://127.0.0.1:{port}/"))

    assert (answer.status, answer.error) == (None, WebhookFault.CONNECTION)


@pytest.mark.parametrize("behave", [hang_up, reset])
def test_a_broken_connection_is_a_failure(behave):
    assert attempt(behave).error == WebhookFault.CONNECTION


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"\x00\x01\x02\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_no_http_is_malformed(raw):
    assert attempt(say(raw)).error == WebhookFault.MALFORMED


def test_no_answer_makes_the_sender_stumble():
    said = []
    sender = make_sender()
    with FaultServer(lambda connection, _server: connection.sendall(said[-1])) as server:

        @settings(max_examples=100, deadline=None)
        @given(st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]), st.binary())
        def answer_with(beginning, rest):
            said.append(beginning + rest)
            answer = sender.send(make_request(url_of(server)))
            assert (answer.status is None) == (answer.error in {WebhookFault.MALFORMED, WebhookFault.CONNECTION})

        answer_with()


# --- Where it goes ---------------------------------------------------------------------------------------------------


def test_a_certificate_of_nobody_is_refused(tmp_path):
    serve, _ = make_certificate(tmp_path, name=NAME)
    with FaultServer(say(OK), tls=serve) as server:
        answer = make_sender().send(make_request(url_of(server)))

    assert (answer.status, answer.error) == (None, WebhookFault.TLS)
    assert server.requests == []


def test_a_certificate_for_another_name_is_refused(tmp_path):
    serve, trust = make_certificate(tmp_path, name="somebody-else.example")
    local = {"allowed_networks": ["127.0.0.0/8"], "resolve": lambda *_: ("127.0.0.1",)}
    with FaultServer(say(OK), tls=serve) as server:
        answer = make_sender(tls=trust, **local).send(make_request(url_of(server, host=NAME)))

    assert answer.error == WebhookFault.TLS
    assert server.requests == []


def test_an_allowed_network_is_reached_under_its_own_name(tmp_path):
    serve, trust = make_certificate(tmp_path, name=NAME)
    local = {"allowed_networks": ["127.0.0.0/8"], "resolve": lambda *_: ("127.0.0.1",)}
    with FaultServer(say(OK), tls=serve) as server:
        url = url_of(server, host=NAME)
        answer = make_sender(tls=trust, **local).send(make_request(url))

    assert answer.delivered
    assert received(server)[1]["host"] == url.split("/")[2]


def test_a_receiver_over_tls_that_drips_is_left_in_time(tmp_path):
    serve, trust = make_certificate(tmp_path, name=NAME)
    with FaultServer(drip(b"HTTP/1.1 200 OK\r\n", b"x"), tls=serve) as server:
        stopwatch = Stopwatch()
        answer = make_sender(tls=trust, timeout_seconds=LIMIT).send(make_request(url_of(server)))

        assert answer.error == WebhookFault.TOO_SLOW
        assert LIMIT <= stopwatch.seconds < AT_MOST


def test_a_name_that_changed_since_it_was_saved_is_refused(tmp_path):
    serve, trust = make_certificate(tmp_path, name=NAME)
    answers = iter([("93.184.215.14",), ("127.0.0.1",)])
    with FaultServer(say(OK), tls=serve) as server:
        sender = make_sender(tls=trust, resolve=lambda *_: next(answers))
        sender._guard.check(url_of(server, host=NAME))
        answer = sender.send(make_request(url_of(server, host=NAME)))

    assert (answer.status, answer.error) == (None, WebhookFault.REFUSED_ADDRESS)
    assert server.requests == []


def test_nothing_is_said_to_a_peer_that_is_not_the_address_asked_for():
    # Linux takes 0.0.0.0 for "this machine": the address is allowed here, and the peer turns out to be loopback.
    elsewhere = {"allowed_networks": ["0.0.0.0/8"], "resolve": lambda *_: ("0.0.0.0",)}  # noqa: S104 (dialled, not bound)
    with FaultServer(hang_up) as server:
        url = url_of(server, host=NAME).replace("http://", "https://")
        answer = make_sender(**elsewhere).send(make_request(url))

    assert answer.error == WebhookFault.REFUSED_ADDRESS
    assert b"".join(server.requests) == b""


def test_the_name_is_resolved_once_for_an_attempt(tmp_path):
    serve, trust = make_certificate(tmp_path, name=NAME)
    asked = []

    def resolve(host, _seconds):
        asked.append(host)
        return ("127.0.0.1",)

    with FaultServer(say(OK), tls=serve) as server:
        make_sender(tls=trust, allowed_networks=["127.0.0.0/8"], resolve=resolve).send(
            make_request(url_of(server, host=NAME))
        )

    assert asked == [NAME]


def test_the_next_address_is_tried_when_the_first_is_dead():
    with FaultServer(say(OK)) as server:
        sender = make_sender(allow_insecure=True, resolve=lambda *_: ("127.0.0.2", "127.0.0.1"))
        answer = sender.send(make_request(url_of(server, host=NAME)))

    assert answer.delivered


@pytest.mark.parametrize(
    "url", ["http://receiver.example/", "https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://user@a.example/"]
)
def test_a_url_that_may_no_longer_be_used_is_not_contacted(url):
    assert make_sender(allow_insecure=False).send(make_request(url)).error == WebhookFault.REFUSED_ADDRESS


# --- What is logged --------------------------------------------------------------------------------------------------


def test_the_log_holds_ids_and_no_content(caplog):
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        attempt(status("500 Oops", body=b"a name"))

    (line,) = logs
    assert line["delivery_id"] == str(DELIVERY_ID)
    assert (line["status"], line["webhook_event"]) == (500, "signature.signed")
    assert caplog.text == ""
    for secret in (SECRET, "Contrat", "a name", "/hook", "127.0.0.1"):
        assert secret not in str(line)
