"""Creating an envelope with a document that is too large for one body."""

import pytest
import requests
import structlog

from app.domain.errors import ProviderRejected, ProviderUnavailable
from tests.gateways.envelopes import API_KEY, BASE_URL, CREATE_URL, created_json, make_client, make_draft

LARGE_PDF = b"%PDF-" + bytes(3_500_000)
UPLOAD_URL = "https://files.invalid/upload/1?token=t0ken"


def test_a_large_document_is_uploaded_first_and_without_the_key(requests_mock):
    announced = requests_mock.post(
        f"{BASE_URL}/documents", status_code=201, json={"document_id": "doc-1", "upload_url": UPLOAD_URL}
    )
    uploaded = requests_mock.put(UPLOAD_URL)
    created = requests_mock.post(CREATE_URL, status_code=201, json=created_json())
    large = LARGE_PDF

    make_client().create_and_send(make_draft(document=large))

    assert announced.last_request.json() == {
        "file_name": "0193c2c3-2222-7aaa-8bbb-000000000002.pdf",
        "file_size": len(large),
        "content_type": "application/pdf",
    }
    assert uploaded.last_request.body == large
    assert uploaded.last_request.headers["Content-Type"] == "application/pdf"
    assert "Authorization" not in uploaded.last_request.headers
    assert created.last_request.json()["document_id"] == "doc-1"
    assert "document" not in created.last_request.json()


@pytest.mark.parametrize(
    "announcement",
    [
        {"status_code": 500},
        {"status_code": 409},
        {"exc": requests.ReadTimeout},
        {"status_code": 201, "json": {}},
        {"status_code": 201, "json": {"document_id": "doc-1", "upload_url": "http://files.invalid/plain"}},
        {"status_code": 201, "json": {"document_id": "doc-1", "upload_url": "https://a:b@files.invalid/"}},
        {"status_code": 201, "json": {"document_id": "doc-1", "upload_url": "https://[bad"}},
    ],
)
def test_a_failed_announcement_of_a_document_certainly_created_nothing(requests_mock, announcement):
    requests_mock.post(f"{BASE_URL}/documents", **announcement)

    with pytest.raises((ProviderUnavailable, ProviderRejected)) as caught:
        make_client().create_and_send(make_draft(document=LARGE_PDF))

    assert not getattr(caught.value, "may_have_acted", False)


@pytest.mark.parametrize(
    "upload", [{"status_code": 500}, {"status_code": 403}, {"status_code": 302}, {"exc": requests.ReadTimeout}]
)
def test_a_failed_upload_certainly_created_nothing(requests_mock, upload):
    answer = {"document_id": "doc-1", "upload_url": UPLOAD_URL}
    requests_mock.post(f"{BASE_URL}/documents", status_code=201, json=answer)
    requests_mock.put(UPLOAD_URL, **upload)

    with pytest.raises(ProviderUnavailable) as caught:
        make_client().create_and_send(make_draft(document=LARGE_PDF))

    assert not caught.value.may_have_acted


def test_nothing_personal_and_no_secret_is_logged(requests_mock):
    answer = {"document_id": "doc-1", "upload_url": UPLOAD_URL}
    requests_mock.post(f"{BASE_URL}/documents", status_code=201, json=answer, headers={"x-request-id": "theirs"})
    requests_mock.put(UPLOAD_URL)
    requests_mock.post(CREATE_URL, exc=requests.ReadTimeout(f"{CREATE_URL}?ana@example.test"))

    with structlog.testing.capture_logs() as logs, pytest.raises(ProviderUnavailable):
        make_client().create_and_send(make_draft(document=LARGE_PDF))

    assert [(entry["operation"], entry.get("status")) for entry in logs] == [
        ("announce document", 201),
        ("upload document", 200),
        ("create", None),
    ]
    assert logs[0]["provider_request_id"] == "theirs"
    assert logs[0]["duration_ms"] >= 0
    text = repr(logs)
    assert not [secret for secret in (API_KEY, "t0ken", "ana@", "Lease", "%PDF") if secret in text]
