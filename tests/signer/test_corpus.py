"""Every PDF that is to be had, and one of each odd kind: created, signed, sealed and verified, or refused by name.

What was signed must be where it was asked for, to within one percent of the page.
"""

import base64
import io
import math
import shutil
import subprocess
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from cryptography import x509

from app.signer.verification import verify
from tests.builders import pdfs
from tests.builders.ink import find_ink, ink_png, magenta, page_text
from tests.builders.oddities import ANCHOR, FORM_VALUE, anchored, form_pdf, installed_pdfs, large_pdf, oddities
from tests.signer.service import CLIENT, make_anchor, make_field

PLACE = {"x": 12.0, "y": 55.0, "width": 30.0, "height": 6.0}
#: Percent of the page by which a stamp may be elsewhere.
WITHIN = 1
#: What a JSON body can carry; anything larger is uploaded first.
INLINE_BYTES = 4 * 1024 * 1024

slow = pytest.mark.crashes

ODDITIES, ANCHORED, INSTALLED = oddities(), anchored(), list(installed_pdfs())


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


# --- Signed -----------------------------------------------------------------------------------------------------------


@slow
@pytest.mark.parametrize("name", ODDITIES)
def test_an_odd_document_is_signed_like_any_other(service, name):
    content = ODDITIES[name]()
    pages = len(pikepdf.open(io.BytesIO(content)).pages)
    numbers = range(1, pages + 1) if pages < 10 else (1, pages // 2, pages)
    document = go_through(service, content, fields=[make_field(page_number=n, position=PLACE) for n in numbers])
    assert page_text(content).strip() in page_text(document)


@pytest.mark.parametrize("name", ANCHORED)
def test_an_anchor_is_met_however_it_is_drawn(service, name):
    go_through(service, ANCHORED[name](), fields=[], anchor_tags=[make_anchor(anchor_string=ANCHOR)])


def test_every_match_of_an_anchor_gets_its_field(service):
    answer = create(
        service, ANCHORED["several matches"](), fields=[], anchor_tags=[make_anchor(anchor_string=ANCHOR, occurrence=0)]
    )
    first, second = (field["position"]["y"] for field in answer.json["fields"])
    assert second - first == pytest.approx(200 / 841.89 * 100, abs=WITHIN)


def test_a_form_is_flattened_with_what_was_in_it(service):
    document = go_through(service, form_pdf(), fields=[make_field(position=PLACE)])
    assert FORM_VALUE in page_text(document)
    with pikepdf.open(io.BytesIO(document)) as pdf:
        assert [str(field.T) for field in pdf.Root.AcroForm.Fields] == ["Seal"]


@slow
def test_two_hundred_fields_are_all_filled_in(service):
    places = [{"x": 4.6 * (n % 20), "y": 9.0 * (n // 20), "width": 4.0, "height": 2.0} for n in range(200)]
    document = go_through(service, pdfs.make_pdf(), fields=[make_field(position=place) for place in places])
    assert len(pikepdf.open(io.BytesIO(document)).Root.AcroForm.Fields) == 1


def test_long_text_stays_whole_inside_its_box(service):
    words = " ".join(f"clause{number}" for number in range(60))
    answer = create(service, pdfs.make_pdf(), fields=[make_field(type="text_area", position={**PLACE, "height": 12.0})])
    service.work()
    token = service.token()
    (field,) = service.ceremony.open(token, CLIENT).fields
    service.ceremony.finish(token, values={field.id: words}, consent=True, client=CLIENT)
    service.work()
    document = sealed_document(service, answer.json["id"])
    assert " ".join(page_text(document).split()).endswith(words)


@slow
@pytest.mark.parametrize("path", INSTALLED, ids=lambda path: Path(path).name)
def test_an_installed_document_is_signed_or_refused_by_name(service, path):
    content = Path(path).read_bytes()
    answer = create(service, content, fields=[make_field(position=PLACE)])
    if answer.status_code == 400:
        assert answer.json["error"].startswith("document: ")
        return
    assert answer.status_code == 201, answer.json
    sign(service, content, answer.json["fields"])
    document = sealed_document(service, answer.json["id"])
    assert_inked(document, 1, answer.json["fields"])


# --- Refused ----------------------------------------------------------------------------------------------------------

REFUSED = {
    "encrypted": (pdfs.encrypted_pdf, "encrypted"),
    "encrypted without a password": (lambda: pdfs.encrypted_pdf(user=""), "encrypted"),
    "signed already": (lambda: pdfs.signature_field_pdf(signed=True), "already digitally signed"),
    "certified": (pdfs.certified_pdf, "already digitally signed"),
    "XFA": (pdfs.xfa_pdf, "XFA"),
    "script at opening": (lambda: pdfs.catalog_pdf(OpenAction=pdfs.script()), "JavaScript"),
    "program": (lambda: pdfs.annotated_pdf(A=pdfs.launch()), "launches a program"),
    "no page": (pdfs.pageless_pdf, "no page"),
    "501 pages": (lambda: pdfs.make_pdf(pages=501), "501 pages"),
    "truncated": (pdfs.truncated_pdf, "damaged"),
    "page tree in itself": (pdfs.looping_page_tree_pdf, "damaged"),
    "nested arrays": (pdfs.nested_arrays_pdf, "damaged"),
    "a gigabyte in a kilobyte": (pdfs.zip_bomb_pdf, "unpacked"),
    "no PDF": (lambda: b"GIF89a", "not a PDF"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_signed_faithfully_is_refused_at_create_with_its_reason(service, name):
    build, reason = REFUSED[name]
    answer = create(service, build())
    assert answer.status_code == 400, answer.json
    assert answer.json["error"].startswith("document: ")
    assert reason in answer.json["error"]
    assert service.mails() == []


@slow
def test_the_service_goes_on_after_all_that_broke(service):
    for build, _ in REFUSED.values():
        assert create(service, build()).status_code == 400
    go_through(service, pdfs.make_pdf(), fields=[make_field(position=PLACE)])


# --- Memory -----------------------------------------------------------------------------------------------------------

MIB = 1024


def resident_kib(status="/proc/self/status"):
    return next(int(line.split()[1]) for line in Path(status).read_text().splitlines() if line.startswith("VmRSS"))


@slow
def test_large_documents_do_not_pile_up_in_memory(service, sandbox):
    content = large_pdf()
    sizes = []
    for _ in range(3):
        go_through(service, content, fields=[make_field(position=PLACE)])
        sizes.append((resident_kib(), resident_kib(f"/proc/{sandbox._child._process.pid}/status")))
    (first, first_child), (last, last_child) = sizes[0], sizes[-1]
    assert last - first < 64 * MIB
    assert last_child - first_child < 64 * MIB
    assert last_child < 700 * MIB
