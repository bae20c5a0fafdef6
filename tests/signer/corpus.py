"""Leads a document through the service, from create to a verified seal, and looks for the ink where it belongs."""

import base64
import math
import shutil
import subprocess

import pypdfium2
import pytest
from cryptography import x509

from app.signer.verification import verify
from tests.builders.ink import find_ink, ink_png, magenta
from tests.signer.service import CLIENT

PLACE = {"x": 12.0, "y": 55.0, "width": 30.0, "height": 6.0}
#: Percent of the page by which a stamp may be elsewhere.
WITHIN = 1
#: What a JSON body can carry; anything larger is uploaded first.
INLINE_BYTES = 4 * 1024 * 1024


def create(service, content, **body):
    if len(content) <= INLINE_BYTES:
        return service.create(pdf=content, **body)
    announced = service.call(
        "POST",
        "/signing-request-api/documents",
        json={"file_name": "large.pdf", "file_size": len(content), "content_type": "application/pdf"},
    ).json
    path = announced["upload_url"].removeprefix(service.settings.public_url)
    put = service.app.test_client().put(path, data=content, headers={"Content-Type": "application/pdf"})
    assert put.status_code < 300, put.data
    return service.create(**({"document": None, "document_id": announced["document_id"]} | body))


def sign(service, content, fields):
    """Draw ink into each signature, so that it fills its box; a word into anything else."""
    service.work()
    token = service.token()
    view = service.ceremony.open(token, CLIENT)
    pictures = {field["id"]: filling_png(content, field) for field in fields if field["type"] == "signature"}
    values = {field.id: drawn(pictures[field.id]) if field.id in pictures else "Quay 17" for field in view.fields}
    service.ceremony.finish(token, values=values, consent=True, client=CLIENT)
    service.work()


def drawn(png):
    return "data:image/png;base64," + base64.b64encode(png).decode()


def filling_png(content, field):
    """Make a picture with the proportions that the field has on the page."""
    document = pypdfium2.PdfDocument(content)
    width, height = document[field["page_number"] - 1].get_size()
    document.close()
    ratio = field["position"]["width"] * width / (field["position"]["height"] * height)
    return ink_png(round(100 * math.sqrt(ratio)), round(100 / math.sqrt(ratio)))


def sealed_document(service, envelope_id):
    """Return the sealed file, which our verifier and poppler's (where it is installed) must both accept."""
    answer = service.get(envelope_id, "download")
    assert answer.status_code == 200, answer.json
    content = service.fetch(answer.json["download_url"]).data
    certificate = x509.load_pem_x509_certificate(service.settings.certificate.with_suffix(".pem").read_bytes())
    verdict = verify(content, trusted=certificate)
    assert verdict.ok, verdict.sentences()
    if shutil.which("pdfsig"):
        assert_pdfsig_agrees(service.settings.mail_folder.parent, content)
    return content


def assert_pdfsig_agrees(folder, content):
    path = folder / "sealed.pdf"
    path.write_bytes(content)
    report = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in report, report
    assert "Total document signed" in report, report


def go_through(service, content, **body):
    """Create, sign, seal and verify; return the sealed document, with every signature where it belongs."""
    answer = create(service, content, **body)
    assert answer.status_code == 201, answer.json
    sign(service, content, answer.json["fields"])
    document = sealed_document(service, answer.json["id"])
    for page in {field["page_number"] for field in answer.json["fields"]}:
        assert_inked(document, page, [field for field in answer.json["fields"] if field["page_number"] == page])
    return document


def assert_inked(document, page, fields):
    """Check the ink of all signatures on a page against the box around their fields."""
    boxes = [field["position"] for field in fields if field["type"] == "signature"]
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    found = find_ink(document, magenta, page=page)
    assert found == pytest.approx((left, top, right - left, bottom - top), abs=WITHIN)
