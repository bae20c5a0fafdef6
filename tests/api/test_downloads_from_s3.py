"""The whole way with its files in S3: taken in, sent out, archived, given back; in full and in part."""

import hashlib

import pytest

from app.gateways.storage.ranged_file import FIRST_BLOCK
from app.services import doctor
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import CERTIFICATE, SIGNED, finish, work
from tests.builders.pdfs import make_pdf
from tests.callers import rewire
from tests.fakes.s3_server import refuse
from tests.provider_events import deliver, make_event

DENIED = refuse(403, "AccessDenied")


@pytest.fixture(autouse=True)
def in_s3(app, bucket):
    rewire(app, storage=bucket.open())


def test_a_request_is_signed_and_its_files_come_from_the_bucket(app, api, signing, bucket):
    created = api.created()
    finish(signing)
    deliver(app, make_event(signing.only().provider_id))
    work(app)

    address = f"/v1/signatures/{created['id']}"
    assert api.get(address).json["status"] == "completed"
    assert api.get(f"{address}/download").data == SIGNED
    assert api.get(f"{address}/certificate").data == CERTIFICATE
    digest = hashlib.sha256(SIGNED).hexdigest()
    assert f"some/prefix/signatures/{created['id']}/signed/{digest}.pdf" in bucket.names()


def test_a_range_costs_little_more_than_its_own_bytes(api, bucket):
    content = make_pdf(pages=3) + b"%" * 3_000_000
    path = f"/v1/renders/{api.upload(content)}/download"
    bucket.server.calls.clear()

    answer = api.get(path, headers={"Range": "bytes=2000000-2000099"})

    assert answer.status_code == 206
    assert answer.data == content[2_000_000:2_000_100]
    assert answer.headers["Content-Range"] == f"bytes 2000000-2000099/{len(content)}"
    assert bucket.server.ranges() == [f"bytes=0-{FIRST_BLOCK - 1}", f"bytes=2000000-{2_000_000 + FIRST_BLOCK - 1}"]


def test_a_large_file_is_sent_whole_from_several_blocks(api, bucket):
    content = make_pdf(pages=3) + b"%" * 3_000_000
    path = f"/v1/renders/{api.upload(content)}/download"
    bucket.server.calls.clear()

    answer = api.get(path)

    assert answer.status_code == 200
    assert answer.data == content
    assert answer.headers["Content-Length"] == str(len(content))
    assert len(bucket.server.ranges()) > 3


def test_a_file_that_the_caller_has_is_not_sent_again(api):
    path = f"/v1/renders/{api.upload()}/download"
    tag = api.get(path).headers["ETag"]

    assert api.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert api.request("HEAD", path).data == b""


def assert_to_be_tried_again(answer):
    assert_refused(answer, 503, "storage_unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_an_upload_that_a_bucket_refuses_is_to_be_tried_again_and_nothing_is_kept(api, bucket):
    bucket.server.faults.append(DENIED)

    answer = api.post("/v1/renders", data=make_pdf(), content_type="application/pdf")

    assert_to_be_tried_again(answer)
    assert api.get("/v1/renders").json["renders"] == []


def test_a_create_whose_pdf_cannot_be_read_sends_nothing_and_uses_up_no_key(api, signing, bucket):
    render_id = api.upload()
    bucket.server.faults.append(DENIED)

    assert_to_be_tried_again(api.create(renderId=render_id, key="order-1"))
    assert signing.calls == []
    assert api.create(renderId=render_id, key="order-1").status_code == 201


def test_a_download_that_cannot_begin_is_to_be_tried_again(api, bucket):
    path = f"/v1/renders/{api.upload()}/download"
    bucket.server.faults.append(DENIED)

    assert_to_be_tried_again(api.get(path))


def test_a_file_that_the_bucket_has_lost_is_our_fault(api, bucket):
    path = f"/v1/renders/{api.upload()}/download"
    for name in bucket.names():
        bucket.server.client.delete_object(Bucket=bucket.name, Key=name)

    assert_refused(api.get(path), 500, "internal")


def test_a_bucket_that_fails_while_archiving_is_tried_again(app, api, signing, bucket, time):
    created = api.created()
    finish(signing)
    bucket.server.faults += [DENIED] * 2
    deliver(app, make_event(signing.only().provider_id))
    work(app)
    assert api.get(f"/v1/signatures/{created['id']}").json["status"] == "sent"

    time.advance(seconds=10)
    work(app)

    assert api.get(f"/v1/signatures/{created['id']}").json["status"] == "completed"
    assert api.get(f"/v1/signatures/{created['id']}/download").data == SIGNED


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        ([], "can be written to"),
        ([DENIED], "cannot be used: S3 does not allow it (AccessDenied)."),
        ([refuse(404, "NoSuchBucket")], "cannot be used: The bucket does not exist in S3."),
    ],
    ids=["well", "denied", "no bucket"],
)
def test_the_doctor_says_how_the_bucket_is(app, bucket, faults, state):
    bucket.server.faults += faults

    with app.app_context():
        (finding,) = (each for each in doctor.examine(app.extensions["countersign"]) if each.subject == "storage")

    assert finding.state == state
    assert (finding.advice is None) == (not faults)
