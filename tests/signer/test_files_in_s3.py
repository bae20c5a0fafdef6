"""The signing service with its files in S3: for it on more than one machine."""

import pytest
from click.testing import CliRunner
from cryptography import x509
from sqlalchemy import select

from app.cli import main
from app.config import SettingsError
from app.signer.models import Envelope
from app.signer.verification import verify
from tests.fakes.s3_server import refuse
from tests.signer.service import CLIENT

DENIED = refuse(403, "AccessDenied")


@pytest.fixture
def service(start_service, bucket):
    return start_service(storage_url=bucket.url, s3_endpoint_url=bucket.server.url)


def trusted(service):
    return x509.load_pem_x509_certificate(service.settings.certificate.with_suffix(".pem").read_bytes())


def download(service, envelope_id):
    return service.fetch(service.get(envelope_id, "download").json["download_url"])


def last_error(service):
    with service.parts.database.reading() as session:
        return session.scalar(select(Envelope)).last_error


def test_a_document_is_sent_signed_sealed_and_given_back(service, bucket):
    envelope_id = service.send()
    service.sign()

    sealed = download(service, envelope_id).data
    assert verify(sealed, trusted=trusted(service)).ok
    assert {name.split("/")[2] for name in bucket.names()} == {"envelopes"}
    (attached,) = service.mails()[-1].iter_attachments()
    assert attached.get_content() == sealed


def test_a_page_is_drawn_once_and_kept_there(service, bucket):
    service.send()
    token = service.token()
    service.ceremony.open(token, CLIENT)
    first = service.page_image(token, 1)
    bucket.server.calls.clear()

    assert service.page_image(token, 1) == first
    assert [call.method for call in bucket.server.calls] == ["GET"]


def test_a_bucket_that_fails_while_sealing_is_tried_again(service, bucket, time):
    envelope_id = service.send()
    bucket.server.faults.append(DENIED)
    service.sign()
    assert last_error(service) == "PermissionError: S3 does not allow it (AccessDenied)."

    time.advance(seconds=10)
    service.work()

    assert last_error(service) is None
    assert verify(download(service, envelope_id).data, trusted=trusted(service)).ok


def test_a_bucket_that_fails_at_the_create_leaves_no_envelope(service, bucket):
    bucket.server.faults.append(DENIED)

    assert service.create().status_code == 500

    service.work()
    assert service.mails() == []


def test_the_trail_s_files_are_checked_there(service, bucket, monkeypatch):
    envelope_id = service.send()
    service.sign()
    monkeypatch.setenv("SIGNER_DATABASE_URL", service.settings.database_url)
    monkeypatch.setenv("SIGNER_STORAGE_URL", bucket.url)
    monkeypatch.setenv("S3_ENDPOINT_URL", bucket.server.url)

    result = CliRunner().invoke(main, ["audit", "verify", envelope_id])

    assert result.exit_code == 0, result.output
    assert "The stored sealed document is the one that the trail names" in result.stdout


def test_a_place_that_is_wrong_stops_the_start(start_service):
    with pytest.raises(SettingsError, match=r"^SIGNER_STORAGE_URL: The storage URL must be s3://"):
        start_service(storage_url="s3://")
