"""Uploading a render, raw or as multipart (contract section 3)."""

import hashlib
import io

import pytest
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from tests.api.expectations import assert_invalid, assert_refused
from tests.builders import pdfs
from tests.builders.pdfs import make_pdf
from tests.builders.sized import padded_pdf
from tests.callers import rewire
from tests.fakes.inspector import TrustingInspector

PDF = "application/pdf"
MIB = 1024 * 1024


def upload(api, content, **kwargs):
    return api.post("/v1/renders", **{"data": content, "content_type": PDF} | kwargs)


def upload_form(api, **parts):
    return api.post("/v1/renders", **form(**parts))


def form(**parts):
    """Encode in memory: the test client would leave a temporary file open."""
    boundary, data = encode_multipart(MultiDict(parts))
    return {"data": data, "content_type": f"multipart/form-data; boundary={boundary}"}


def file_of(content, name="a.pdf"):
    return FileStorage(io.BytesIO(content), filename=name)


def reserve(api, **headers):
    return api.post("/v1/renders", json={}, headers=headers)


def deliver(api, render_id, content, content_type=PDF):
    return api.put(f"/v1/renders/{render_id}/pdf", data=content, content_type=content_type)


def test_an_uploaded_pdf_is_a_render_that_succeeded(api, time):
    answer = upload(api, make_pdf(pages=3))

    assert answer.status_code == 201
    address = f"https://sign.test/v1/renders/{answer.json['id']}"
    assert answer.json == {
        "id": answer.json["id"],
        "status": "succeeded",
        "pollUrl": address,
        "downloadUrl": f"{address}/download",
        "errorMessage": None,
        "createdAt": "2026-06-05T10:00:00.000Z",
        "completedAt": "2026-06-05T10:00:00.000Z",
        "durationMs": 0,
        "pageCount": 3,
    }
    assert answer.headers["Location"] == address
    assert api.get(f"/v1/renders/{answer.json['id']}").json == answer.json


@pytest.mark.parametrize("content_type", [PDF, "application/pdf; charset=binary", "Application/PDF"])
def test_the_content_type_of_a_pdf_may_be_written_freely(api, content_type):
    assert upload(api, make_pdf(), content_type=content_type).status_code == 201


def test_a_pdf_may_come_as_the_file_of_a_form(api):
    content = make_pdf(pages=2)

    answer = upload_form(api, file=file_of(content, "Vertrag \u00fc.pdf"))

    assert answer.status_code == 201
    assert answer.json["pageCount"] == 2
    assert api.get(f"/v1/renders/{answer.json['id']}/download").data == content


def test_a_form_needs_exactly_one_file(api):
    content = make_pdf()
    assert_invalid(upload_form(api), "file")
    assert_invalid(upload_form(api, file="text"), "file")
    assert_invalid(upload_form(api, file=[file_of(content), file_of(content)]), "file")
    assert_invalid(upload_form(api, pdf=file_of(content)), "pdf")
    assert_invalid(upload_form(api, file=file_of(content), name="Charter"), "name")


def test_a_form_that_cannot_be_read_is_refused(api):
    answer = upload(api, b"--x\r\nrubbish", content_type="multipart/form-data; boundary=y")

    assert_refused(answer, 400, "invalid_request")


def test_it_is_stored_byte_for_byte_with_its_sha_256(app, api, tmp_path):
    content = make_pdf()

    render_id = upload(api, content).json["id"]

    (file,) = (tmp_path / "storage").rglob("*.pdf")
    assert file.read_bytes() == content
    assert file.stem == hashlib.sha256(content).hexdigest()
    assert api.get(f"/v1/renders/{render_id}/download").data == content


REFUSED = {
    "not a PDF": b"GIF89a",
    "empty": b"",
    "truncated": pdfs.truncated_pdf(),
    "encrypted": pdfs.encrypted_pdf(),
    "encrypted with an empty password": pdfs.encrypted_pdf(user=""),
    "no page": pdfs.pageless_pdf(),
    "XFA": pdfs.xfa_pdf(),
    "script on opening": pdfs.make_pdf(change=lambda pdf: pdf.Root.__setattr__("OpenAction", pdfs.script())),
    "launch": pdfs.make_pdf(change=lambda pdf: pdf.Root.__setattr__("OpenAction", pdfs.launch())),
    "signed": pdfs.signature_field_pdf(signed=True),
    "certified": pdfs.certified_pdf(),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_a_pdf_that_cannot_be_signed_faithfully_is_refused_saying_why(api, tmp_path, content):
    issues = assert_refused(upload(api, content), 400, "invalid_request")["issues"]

    (sentence,) = issues["formErrors"]
    assert sentence.endswith(".")
    assert issues["fieldErrors"] == {}
    assert api.get("/v1/renders").json["renders"] == []
    assert list((tmp_path / "storage").rglob("*")) == []


def test_the_refusals_read_differently(api):
    sentences = {
        upload(api, REFUSED[kind]).json["error"]["message"]
        for kind in ("not a PDF", "encrypted", "no page", "XFA", "script on opening", "launch", "signed")
    }

    assert len(sentences) == 7


def test_500_pages_are_accepted_and_501_refused(api):
    assert upload(api, make_pdf(pages=500)).json["pageCount"] == 500
    assert_invalid(upload(api, make_pdf(pages=501)))


# --- Too large --------------------------------------------------------------------------------------------------------


def test_a_pdf_of_exactly_50_mib_is_accepted(api):
    assert upload(api, padded_pdf(50 * MIB)).status_code == 201


def test_a_pdf_one_byte_over_50_mib_is_413(app, api):
    rewire(app, inspector=TrustingInspector())

    assert_refused(upload(api, bytes(50 * MIB + 1)), 413, "document_too_large")


def test_a_form_may_hold_a_file_of_50_mib_and_no_byte_more(app, api):
    rewire(app, inspector=TrustingInspector())

    assert upload_form(api, file=file_of(bytes(50 * MIB))).status_code == 201
    answer = upload_form(api, file=file_of(bytes(50 * MIB + 1)))
    assert_refused(answer, 413, "document_too_large")


def test_a_form_far_over_50_mib_is_413(api):
    answer = upload_form(api, file=file_of(bytes(51 * MIB)))

    assert_refused(answer, 413, "document_too_large")


def test_a_delivered_pdf_over_50_mib_is_413_and_leaves_it_queued(app, api):
    render_id = reserve(api).json["id"]

    assert_refused(deliver(api, render_id, bytes(50 * MIB + 1)), 413, "document_too_large")
    assert api.get(f"/v1/renders/{render_id}").json["status"] == "queued"


# --- Idempotency ------------------------------------------------------------------------------------------------------


def test_a_repeated_upload_is_the_same_render(api):
    content, headers = make_pdf(), {"Idempotency-Key": "render-1"}

    first, again = (upload(api, content, headers=headers) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json == first.json
    assert len(api.get("/v1/renders").json["renders"]) == 1


def test_raw_and_form_are_the_same_upload(api):
    content, headers = make_pdf(), {"Idempotency-Key": "render-1"}
    first = upload(api, content, headers=headers)

    again = api.post("/v1/renders", **form(file=file_of(content)), headers=headers)

    assert again.json == first.json


def test_a_key_used_with_another_pdf_is_409(api):
    headers = {"Idempotency-Key": "render-1"}
    upload(api, make_pdf(), headers=headers)

    assert_refused(upload(api, make_pdf(pages=2), headers=headers), 409, "idempotency_key_reused")
    assert_refused(reserve(api, **headers), 409, "idempotency_key_reused")


def test_a_refused_upload_uses_up_no_key(api):
    headers = {"Idempotency-Key": "render-1"}
    upload(api, b"rubbish", headers=headers)

    assert upload(api, make_pdf(), headers=headers).status_code == 201


def test_a_repeated_reservation_is_the_same_render(api):
    first, again = (reserve(api, **{"Idempotency-Key": "render-1"}) for _ in range(2))

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json == first.json


@pytest.mark.parametrize("key", ["", "a b", "a" * 256])
def test_a_key_of_the_wrong_shape_is_refused(api, key):
    assert_invalid(upload(api, make_pdf(), headers={"Idempotency-Key": key}), "Idempotency-Key")
