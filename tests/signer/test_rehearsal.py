"""What is tried out when a document comes in, and what real documents have done to the seal."""

import io

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from app.domain.errors import UnreadablePdf
from app.signer.rehearsal import rehearse
from tests.builders.marks import stamped
from tests.builders.pdfs import annotated_pdf, drawn_pdf, encrypted_pdf, make_pdf, raw_pdf, tailless_pdf
from tests.signer.service import make_field

PLACE = {"page": 1, "x": 10, "y": 10, "width": 20, "height": 5}


def with_metadata(xml):
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R /Metadata 4 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
        b"<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%s\nendstream" % (len(xml), xml),
    )


def sizeless_pdf():
    """Build a PDF whose trailer does not say how many objects there are."""
    return make_pdf().replace(b"/Size", b"/Seis")


def tiny_pdf():
    """Build a PDF whose only page has neither content nor resources."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
    )


@pytest.mark.parametrize(
    "build",
    [
        tailless_pdf,
        sizeless_pdf,
        tiny_pdf,
        lambda: with_metadata(b"<x:xmpmeta"),
        lambda: with_metadata(b"\xff\xfe not XML"),
        lambda: annotated_pdf(A=Dictionary(S=Name("/\udcea".encode("utf-8", "surrogateescape").decode("latin-1")))),
    ],
    ids=["no table", "no size", "empty page", "broken metadata", "metadata of another kind", "odd name"],
)
def test_a_document_out_of_shape_goes_all_the_way(service, build):
    envelope_id = service.send(pdf=build(), fields=[make_field()])
    service.sign()
    assert service.get(envelope_id, "download").json["is_partial"] is False


def test_metadata_are_left_as_they_are():
    xml = b"<x:xmpmeta not closed"
    with pikepdf.open(io.BytesIO(stamped(with_metadata(xml)))) as pdf:
        assert pdf.Root.Metadata.read_bytes() == xml


@pytest.mark.parametrize("build", [encrypted_pdf, lambda: make_pdf().replace(b"/Contents", b"/Kontents")[:200]])
def test_what_would_fail_in_the_end_fails_now(build):
    with pytest.raises(UnreadablePdf):
        rehearse(content=build(), places=[PLACE], hide=[])


def test_a_place_on_a_page_that_is_not_there_fails_now():
    with pytest.raises(UnreadablePdf):
        rehearse(content=make_pdf(), places=[PLACE | {"page": 2}], hide=[])


def test_a_document_that_meets_a_bug_of_ours_is_refused(service, monkeypatch):
    call = service.parts.envelopes.sandbox.call

    def broken(target, **arguments):
        """Let the rehearsal fail as code with a bug does."""
        if target == "app.signer.rehearsal:rehearse":
            arguments = arguments | {"places": [{"page": 1}]}
        return call(target, **arguments)

    monkeypatch.setattr(service.parts.envelopes.sandbox, "call", broken)
    answer = service.create()
    assert answer.status_code == 400
    assert answer.json["error"] == "document: This service cannot process the PDF; printing it into a new PDF may help."


def test_content_with_odd_operators_can_be_stamped():
    rehearse(content=drawn_pdf(b"q \xea\xff q 0 0 m"), places=[PLACE], hide=[])
