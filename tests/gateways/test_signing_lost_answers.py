"""Creating an envelope over real connections that break."""

import gzip
import os
import threading

import pytest

from app.domain.errors import ProviderRejected, ProviderUnavailable
from app.gateways.signing.transport import Transport
from tests.gateways.envelopes import ENVELOPE_ID, make_client, make_draft
from tests.gateways.fault_server import FaultServer, closed_port, hang_up, reset, say, self_signed, stay_silent

HALF = b'{"id": "' + ENVELOPE_ID.encode()


def http(head, body=b""):
    return say(b"HTTP/1.1 " + head + b"\r\nConnection: close\r\n\r\n" + body)


def create_at(url, **settings):
    client = make_client(base_url=url, **settings)
    try:
        return client.create_and_send(make_draft())
    finally:
        client.close()


@pytest.mark.parametrize(
    "behave",
    [
        hang_up,
        reset,
        say(b"this is not HTTP\r\n\r\n"),
        say(b"HTTP/1.1 201 Created\r\nContent-Le"),
        http(b"201 Created\r\nContent-Length: 500", HALF),
        http(b"201 Created\r\nTransfer-Encoding: chunked", b"500\r\n" + HALF),
        http(b"201 Created\r\nTransfer-Encoding: chunked", b"%x\r\n" % len(HALF) + HALF + b"\r\n"),
        http(b"201 Created\r\nTransfer-Encoding: chunked", b"zz\r\n" + HALF),
        http(b"201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 5", b"hello"),
        http(b"201 Created\r\nContent-Encoding: gzip", gzip.compress(bytes(9 * 1024 * 1024))),
        http(b"307 Temporary Redirect\r\nLocation: http://[bad\r\nContent-Length: 0"),
        http(b"500 Internal Server Error\r\nContent-Length: 0"),
    ],
    ids=[
        "closed",
        "reset",
        "no HTTP",
        "head cut",
        "body cut",
        "chunk cut",
        "last chunk missing",
        "bad chunk size",
        "bad gzip",
        "gzip bomb",
        "redirect with a bad location",
        "500",
    ],
)
def test_a_connection_that_breaks_after_the_request_loses_the_answer(behave):
    with FaultServer(behave) as server:
        with pytest.raises(ProviderUnavailable) as caught:
            create_at(server.url)

        assert caught.value.may_have_acted
        assert len(server.requests) == 1


def test_a_server_that_never_answers_loses_the_answer():
    with FaultServer(stay_silent) as server, pytest.raises(ProviderUnavailable) as caught:
        create_at(server.url, create_timeout=0.2)

    assert caught.value.may_have_acted


def test_a_body_that_never_ends_loses_the_answer():
    def drip(connection, server):
        connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n")
        try:
            while not server.released.wait(timeout=0.02):
                connection.sendall(b" ")
        except OSError:
            return

    with FaultServer(drip) as server, pytest.raises(ProviderUnavailable) as caught:
        create_at(server.url, create_timeout=0.2)

    assert caught.value.may_have_acted


def test_a_refusal_stands_even_when_its_body_is_cut():
    cut = http(b"400 Bad Request\r\nContent-Length: 500", b'{"err')

    with FaultServer(cut) as server, pytest.raises(ProviderRejected):
        create_at(server.url)


def test_a_refused_connection_certainly_sent_nothing():
    with closed_port() as port, pytest.raises(ProviderUnavailable) as caught:
        create_at(f"http://127.0.0.1:{port}/signing-request-api")

    assert not caught.value.may_have_acted


def test_a_name_without_an_address_certainly_sent_nothing():
    with pytest.raises(ProviderUnavailable) as caught:
        create_at("http://nobody.invalid/signing-request-api")

    assert not caught.value.may_have_acted


def test_a_certificate_that_we_refuse_certainly_sent_nothing(tmp_path):
    with FaultServer(hang_up, tls=self_signed(tmp_path)) as server:
        with pytest.raises(ProviderUnavailable) as caught:
            create_at(server.url)

        assert not caught.value.may_have_acted
        assert server.requests == []


def test_a_server_that_speaks_no_tls_leaves_doubt():
    with FaultServer(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server, pytest.raises(ProviderUnavailable) as caught:
        create_at(server.url.replace("http://", "https://"))

    assert caught.value.may_have_acted


def test_the_error_holds_no_url_even_in_its_traceback():
    with closed_port() as port, pytest.raises(ProviderUnavailable) as caught:
        create_at(f"http://127.0.0.1:{port}/signing-request-api")

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_each_thread_and_each_process_has_a_session_of_its_own(monkeypatch):
    transport = Transport(connect_timeout=1, headers={})
    sessions = [transport._session(), transport._session()]
    thread = threading.Thread(target=lambda: sessions.append(transport._session()))
    thread.start()
    thread.join()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    sessions.append(transport._session())

    assert [sessions[0] is each for each in sessions] == [True, True, False, False]
