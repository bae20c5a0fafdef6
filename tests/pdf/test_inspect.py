import re

import pytest
from fpdf import FPDF
from pikepdf import Array, Dictionary, Name, String

from app.domain.errors import UnreadablePdf
from tests.builders import pdfs
from tests.builders.pdfs import annotated_pdf, catalog_pdf, launch, make_pdf, page_pdf, script

ENCRYPTED = "The PDF is encrypted; remove its protection first."
DAMAGED = "The PDF is damaged and cannot be read."
SIGNED = "The PDF is already digitally signed; a change would break that signature."
XFA = "The PDF holds an XFA form, which other viewers show differently; save it as an ordinary PDF first."
OPENING_SCRIPT = "The PDF runs JavaScript when it is opened; remove the script first."
PAGE_SCRIPT = "The PDF runs JavaScript when page 1 is opened; remove the script first."
LAUNCHES = "The PDF holds an action that launches a program; remove it first."
TOO_HEAVY = "The content of page 1 cannot be unpacked within 32 MB."
NO_SIZE = "Page 1 of the PDF has no usable size."


def next_page():
    return Dictionary(S=Name.Named, N=Name.NextPage)


def then(*actions):
    """Chain a harmless action to these."""
    first = next_page()
    first.Next = actions[0] if len(actions) == 1 else Array(actions)
    return first


def name_tree(*, depth):
    node = Dictionary(Names=Array([String("boot"), script()]))
    for _ in range(depth):
        node = Dictionary(Kids=Array([node]))
    return Dictionary(JavaScript=node)


def with_outline(**entries):
    def add(pdf):
        item = pdf.make_indirect(Dictionary(Title=String("Chapter"), **entries))
        pdf.Root.Outlines = Dictionary(First=item, Last=item, Count=1)

    return make_pdf(change=add)


def with_text_field(**entries):
    def add(pdf):
        field = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Tx,
                T=String("total"),
                Rect=Array((0, 0, 99, 20)),
                **entries,
            )
        )
        pdf.pages[0].Annots = Array([field])
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]), CO=Array([field]))

    return make_pdf(change=add)


def launch_in_circles():
    def add(pdf):
        first = pdf.make_indirect(then(next_page()))
        first.Next = Array([first, pdf.make_indirect(Array([first])), pdf.make_indirect(launch())])
        pdf.Root.OpenAction = first

    return make_pdf(change=add)


REFUSED = {
    "empty": (b"", "The file is empty."),
    "not a PDF": (b"<html>hello</html>", "The file is not a PDF."),
    "a header after the first kilobyte": (b" " * 1024 + make_pdf(), "The file is not a PDF."),
    "a header and nothing else": (b"%PDF-1.7\n", DAMAGED),
    "truncated before the first page": (pdfs.truncated_pdf(), DAMAGED),
    "a page tree in circles": (pdfs.looping_page_tree_pdf(), DAMAGED),
    "200,000 nested arrays": (pdfs.nested_arrays_pdf(), DAMAGED),
    "encrypted": (pdfs.encrypted_pdf(), ENCRYPTED),
    "encrypted with an owner password only": (pdfs.encrypted_pdf(user=""), ENCRYPTED),
    "encrypted in a way unknown to qpdf": (
        pdfs.raw_pdf(b"<< /Type /Catalog >>", trailer=b"/Encrypt << /Filter /Adobe.PubSec /V 4 >>"),
        ENCRYPTED,
    ),
    "no page": (pdfs.pageless_pdf(), "The PDF has no page."),
    "501 pages": (make_pdf(pages=501), "The PDF has 501 pages; at most 500 are allowed."),
    "XFA": (pdfs.xfa_pdf(), XFA),
    "a script on opening": (catalog_pdf(OpenAction=script()), OPENING_SCRIPT),
    "a script after a harmless action": (catalog_pdf(OpenAction=then(then(script()))), OPENING_SCRIPT),
    "a script in a list of actions": (catalog_pdf(OpenAction=then(next_page(), script())), OPENING_SCRIPT),
    "a script in a rendition": (
        catalog_pdf(OpenAction=Dictionary(S=Name.Rendition, JS=String("app.alert(1)"))),
        OPENING_SCRIPT,
    ),
    "a named script": (catalog_pdf(Names=name_tree(depth=0)), OPENING_SCRIPT),
    "a named script deep in the tree": (catalog_pdf(Names=name_tree(depth=3)), OPENING_SCRIPT),
    "a script on closing the document": (catalog_pdf(AA=Dictionary(WC=script())), OPENING_SCRIPT),
    "a script on opening a page": (page_pdf(AA=Dictionary(O=script())), PAGE_SCRIPT),
    "a script on closing a page": (page_pdf(AA=Dictionary(C=then(script()))), PAGE_SCRIPT),
    "a script of an annotation on a page's opening": (annotated_pdf(AA=Dictionary(PO=script())), PAGE_SCRIPT),
    "Launch on opening": (catalog_pdf(OpenAction=launch()), LAUNCHES),
    "Launch behind a link": (annotated_pdf(A=launch()), LAUNCHES),
    "Launch after another action": (annotated_pdf(A=then(then(launch()))), LAUNCHES),
    "Launch on an annotation's event": (annotated_pdf(AA=Dictionary(E=launch())), LAUNCHES),
    "Launch in an outline": (with_outline(A=launch()), LAUNCHES),
    "Launch of a form field": (with_text_field(AA=Dictionary(K=launch())), LAUNCHES),
    "Launch on a page": (page_pdf(AA=Dictionary(O=launch())), LAUNCHES),
    "Launch spelled with an escape": (annotated_pdf(A=launch()).replace(b"/Launch", b"/L#61unch"), LAUNCHES),
    "Launch that pretends to be a structure element": (
        annotated_pdf(A=Dictionary(S=Name.Launch, F=String("cmd.exe"), P=Dictionary())),
        LAUNCHES,
    ),
    "Launch in a circle of actions": (launch_in_circles(), LAUNCHES),
    "signed": (pdfs.signature_field_pdf(signed=True), SIGNED),
    "signed by a parent field": (pdfs.signature_field_pdf(signed=True, field_inherits=True), SIGNED),
    "certified": (pdfs.certified_pdf(), SIGNED),
    "a page that unpacks to a gigabyte": (pdfs.zip_bomb_pdf(), TOO_HEAVY),
    "a form that unpacks to a gigabyte": (pdfs.zip_bomb_form_pdf(), TOO_HEAVY),
    "33 MB of drawing": (pdfs.heavy_pdf(33), TOO_HEAVY),
    "a crop box beside the media box": (make_pdf(crop=(2000, 2000, 2100, 2100)), NO_SIZE),
    "a page of 201 inches": (make_pdf(size=(14_401, 100)), NO_SIZE),
    "a page of 201 inches by its unit": (make_pdf(size=(1_441, 100), user_unit=10), NO_SIZE),
}

ACCEPTED = {
    "ordinary": make_pdf(),
    "some bytes before the header": b" " * 1000 + make_pdf(),
    "a missing cross-reference table, which qpdf repairs": pdfs.tailless_pdf(),
    "30 MB of drawing": pdfs.heavy_pdf(30),
    "an empty signature field": pdfs.signature_field_pdf(signed=False),
    "an empty signature field under a parent": pdfs.signature_field_pdf(signed=False, field_inherits=True),
    "scripts that serve a form field": with_text_field(
        AA=Dictionary(K=script(), F=script(), V=script(), C=script()), A=script()
    ),
    "a script behind a link": annotated_pdf(A=script()),
    "a destination to open at": catalog_pdf(OpenAction=Array([0, Name.Fit])),
    "an action that turns the page": catalog_pdf(OpenAction=next_page()),
    "an empty tree of named scripts": catalog_pdf(Names=Dictionary(JavaScript=Dictionary(Names=Array()))),
    "the word Launch in a text": make_pdf(text="/S /Launch"),
    "a structure element called Launch": catalog_pdf(
        StructTreeRoot=Dictionary(K=Dictionary(S=Name.Launch, P=Dictionary(Type=Name.StructTreeRoot)))
    ),
    "form without fields": catalog_pdf(AcroForm=Dictionary(Fields=Array())),
}


@pytest.mark.parametrize(("content", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses_what_cannot_be_signed_faithfully_and_says_why(inspector, content, sentence):
    with pytest.raises(UnreadablePdf, match=f"^{re.escape(sentence)}$"):
        inspector.inspect(content)


@pytest.mark.parametrize("content", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_it_accepts_what_only_looks_odd(inspector, content):
    assert len(inspector.inspect(content).pages) == 1


def test_500_pages_are_accepted(inspector):
    assert len(inspector.inspect(make_pdf(pages=500)).pages) == 500


@pytest.mark.parametrize("inherit", [False, True], ids=["own boxes", "inherited boxes"])
@pytest.mark.parametrize(
    ("rotate", "expected"), [(0, (300, 400)), (90, (400, 300)), (180, (300, 400)), (270, (400, 300)), (-90, (400, 300))]
)
def test_a_page_is_as_large_as_it_is_displayed(inspector, rotate, inherit, expected):
    content = make_pdf(size=(600, 800), crop=(50, 100, 350, 500), rotate=rotate, inherit=inherit)
    assert size(inspector, content) == expected


def test_a_crop_box_beyond_the_media_box_is_cut(inspector):
    assert size(inspector, make_pdf(size=(600, 800), crop=(-100, 700, 300, 9000))) == (300, 100)


def test_corners_of_a_box_may_come_in_any_order(inspector):
    assert size(inspector, make_pdf(media=(600, 800, 0, 100))) == (600, 700)


def test_the_user_unit_counts(inspector):
    assert size(inspector, make_pdf(size=(300, 400), user_unit=2)) == (600, 800)


def test_a_page_without_a_media_box_is_a_letter_page_as_in_pdfium(inspector):
    assert size(inspector, make_pdf(change=lambda pdf: pdf.pages[0].obj.__delitem__("/MediaBox"))) == (612, 792)


def test_a_document_of_another_producer_is_accepted(inspector):
    document = FPDF(format=(200, 100), unit="pt")
    document.add_page()
    assert size(inspector, bytes(document.output())) == (200, 100)


def size(inspector, content):
    (page,) = inspector.inspect(content).pages
    return page.width, page.height


@pytest.mark.parametrize(
    ("content", "pages"),
    [
        (make_pdf(pages=3), 3),
        (make_pdf(pages=501), 501),
        (pdfs.signature_field_pdf(signed=True), 1),
        (pdfs.encrypted_pdf(user=""), 1),
    ],
    ids=["ordinary", "long", "signed", "restricted"],
)
def test_pages_are_counted_even_where_nobody_could_sign(inspector, content, pages):
    assert inspector.count_pages(content) == pages


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html>", "The file is not a PDF."),
        (pdfs.truncated_pdf(), DAMAGED),
        (pdfs.encrypted_pdf(), ENCRYPTED),
        (pdfs.pageless_pdf(), "The PDF has no page."),
    ],
    ids=["not a PDF", "truncated", "encrypted", "no page"],
)
def test_pages_of_what_is_no_document_are_not_counted(inspector, content, sentence):
    with pytest.raises(UnreadablePdf, match=f"^{re.escape(sentence)}$"):
        inspector.count_pages(content)
