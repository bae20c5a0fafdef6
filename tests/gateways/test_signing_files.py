"""Fetching the signed document and the certificate."""

import pytest
import requests

from app.domain.errors import FileNotOffered, FileNotReady, ProviderUnavailable
from app.gateways.signing import files
from tests.gateways.envelopes import ENVELOPE_ID, ENVELOPE_URL, PDF, detail_json, make_client
from tests.gateways.fault_server import FaultServer, say

LINK = "https://files.invalid/signed.pdf?token=t0ken"
FRESH_LINK = "https://files.invalid/signed.pdf?token=fresh"
DOWNLOAD_URL = f"{ENVELOPE_URL}/download"


def ready(link=LINK, **overrides):
    return {"status": "finished", "is_partial": False, "download_url": link, **overrides}


def certified(link=LINK):
    return detail_json("finished", certificate={"generated": True}, certificate_only_download_url=link)


def download():
    return make_client().download_signed_document(ENVELOPE_ID)


def test_the_signed_document_is_fetched_without_the_key(requests_mock):
    requests_mock.get(DOWNLOAD_URL, json=ready())
    file = requests_mock.get(LINK, content=PDF)

    assert download() == PDF
    assert "Authorization" not in file.last_request.headers
    assert file.last_request.timeout == (5, 30)


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 503, "json": {"error": "generation_timeout"}, "headers": {"Retry-After": "7"}},
        {"status_code": 409, "json": {"error": "no_document_available"}, "headers": {"Retry-After": "7"}},
        {"status_code": 404, "json": {"error": "no_document_available"}, "headers": {"Retry-After": "7"}},
        {"json": ready(is_partial=True), "headers": {"Retry-After": "7"}},
        {"json": ready(status="in_progress"), "headers": {"Retry-After": "7"}},
    ],
)
def test_a_document_that_is_being_made_is_not_ready(requests_mock, answer):
    requests_mock.get(DOWNLOAD_URL, **answer)

    with pytest.raises(FileNotReady) as caught:
        download()

    assert caught.value.retry_after == 7


def test_a_file_that_its_keeper_does_not_have_yet_is_not_ready(requests_mock):
    requests_mock.get(DOWNLOAD_URL, json=ready())
    requests_mock.get(LINK, status_code=503, headers={"Retry-After": "3"})

    with pytest.raises(FileNotReady) as caught:
        download()

    assert caught.value.retry_after == 3


@pytest.mark.parametrize("expired", [400, 401, 403, 404, 410])
def test_an_expired_link_is_replaced_by_a_fresh_one(requests_mock, expired):
    requests_mock.get(DOWNLOAD_URL, [{"json": ready()}, {"json": ready(FRESH_LINK)}])
    requests_mock.get(LINK, status_code=expired)
    requests_mock.get(FRESH_LINK, content=PDF)

    assert download() == PDF


def test_a_link_is_replaced_once_only(requests_mock):
    links = requests_mock.get(DOWNLOAD_URL, json=ready())
    requests_mock.get(LINK, status_code=403)

    with pytest.raises(ProviderUnavailable, match="does not work"):
        download()

    assert links.call_count == 2


@pytest.mark.parametrize(
    "file",
    [
        {"content": b""},
        {"content": b"<html>"},
        {"content": b" %PDF-1.7"},
        {"status_code": 206, "content": PDF},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.invalid/"}},
        {"status_code": 500},
        {"exc": requests.ReadTimeout},
    ],
)
def test_what_is_no_whole_pdf_is_not_taken(requests_mock, file):
    requests_mock.get(DOWNLOAD_URL, json=ready())
    requests_mock.get(LINK, **file)

    with pytest.raises(ProviderUnavailable):
        download()


def test_a_file_over_the_limit_is_not_taken(requests_mock, monkeypatch):
    monkeypatch.setattr(files, "_FILE_LIMIT_BYTES", len(PDF) - 1)
    requests_mock.get(DOWNLOAD_URL, json=ready())
    requests_mock.get(LINK, content=PDF)

    with pytest.raises(ProviderUnavailable, match="whole PDF"):
        download()


def test_a_file_that_breaks_off_is_not_taken(requests_mock):
    cut = say(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n" + PDF)
    client = make_client(base_url="http://signing.invalid/signing-request-api")

    with FaultServer(cut) as server:
        requests_mock.get(
            f"http://signing.invalid/signing-request-api/signing-requests/{ENVELOPE_ID}/download",
            json=ready(server.url),
        )
        requests_mock.register_uri("GET", server.url, real_http=True)
        with pytest.raises(ProviderUnavailable, match="whole PDF"):
            client.download_signed_document(ENVELOPE_ID)
        client.close()


@pytest.mark.parametrize("link", ["http://files.invalid/x", "file:///etc/passwd", "/x", "https://u:p@files.invalid/"])
def test_a_link_that_is_not_safe_is_not_followed(requests_mock, link):
    requests_mock.get(DOWNLOAD_URL, json=ready(link))

    with pytest.raises(ProviderUnavailable, match="not acceptable"):
        download()

    assert requests_mock.call_count == 1


@pytest.mark.parametrize("link", [None, "", 7])
def test_a_finished_document_without_a_link_cannot_be_read(requests_mock, link):
    requests_mock.get(DOWNLOAD_URL, json=ready(link))

    with pytest.raises(ProviderUnavailable, match="cannot be read"):
        download()


def test_the_certificate_is_fetched_from_a_link_of_its_own(requests_mock):
    requests_mock.get(ENVELOPE_URL, json=certified())
    file = requests_mock.get(LINK, content=PDF)

    assert make_client().download_certificate(ENVELOPE_ID) == PDF
    assert "Authorization" not in file.last_request.headers


def test_an_expired_link_to_a_certificate_is_replaced_too(requests_mock):
    requests_mock.get(ENVELOPE_URL, [{"json": certified()}, {"json": certified(FRESH_LINK)}])
    requests_mock.get(LINK, status_code=403)
    requests_mock.get(FRESH_LINK, content=PDF)

    assert make_client().download_certificate(ENVELOPE_ID) == PDF


@pytest.mark.parametrize(
    "detail",
    [
        detail_json("finished"),
        detail_json("finished", certificate=None),
        detail_json("finished", certificate={"generated": True}, certificate_only_download_error="file_not_accessible"),
    ],
)
def test_a_certificate_that_is_being_made_is_not_ready(requests_mock, detail):
    requests_mock.get(ENVELOPE_URL, json=detail)

    with pytest.raises(FileNotReady):
        make_client().download_certificate(ENVELOPE_ID)


@pytest.mark.parametrize("certificate", [{"generated": True}, {"generated": False, "has_error": True}])
def test_a_certificate_that_will_never_stand_alone_is_refused(requests_mock, certificate):
    requests_mock.get(ENVELOPE_URL, json=detail_json("finished", certificate=certificate))

    with pytest.raises(FileNotOffered, match="no separate certificate"):
        make_client().download_certificate(ENVELOPE_ID)
