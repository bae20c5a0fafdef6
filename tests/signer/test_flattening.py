import io

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from tests.builders.ink import dark, find_ink, magenta, page_text
from tests.builders.marks import TALL, assert_inside, stamped
from tests.builders.pdfs import draw_text, make_pdf, saved, script


def form_pdf(*, value, appearance=None, need_appearances=None, **field):
    def add(pdf):
        widget = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T=String("field"),
            V=value,
            DA=String("/Helv 0 Tf"),
            Rect=Array([100, 500, 300, 530]),
            F=4,
            **field,
        )
        if appearance:
            stream = pdf.make_stream(appearance, BBox=Array([0, 0, 200, 30]))
            stream.Resources = Dictionary(
                Font=Dictionary(F1=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
            )
            widget.AP = Dictionary(N=stream)
        widget = pdf.make_indirect(widget)
        pdf.pages[0].Annots = Array([widget])
        pdf.Root.AcroForm = Dictionary(Fields=Array([widget]))
        if need_appearances is not None:
            pdf.Root.AcroForm.NeedAppearances = need_appearances

    return make_pdf(text="", size=TALL, change=add)


@pytest.mark.parametrize("value", ["Plain value", "Žluťoučký kůň"])
def test_a_form_value_without_a_picture_becomes_page_text(value):
    document = stamped(form_pdf(value=String(value)))
    assert value in page_text(document)
    box = {"x": 25, "y": 70 / 6, "width": 50, "height": 5}
    assert_inside(find_ink(document, dark), box)


@pytest.mark.parametrize("operators", [b"3 0 0 3 90 90 cm q q", b"BT /F1 9 Tf (never closed"])
def test_a_form_value_stands_where_it_did_whatever_the_page_leaves_open(operators):
    with pikepdf.open(io.BytesIO(form_pdf(value=String("Plain value")))) as pdf:
        pdf.pages[0].Contents = pdf.make_stream(operators)
        content = saved(pdf)
    box = {"x": 25, "y": 70 / 6, "width": 50, "height": 5}
    assert_inside(find_ink(stamped(content), dark), box)


def test_a_form_value_with_a_picture_keeps_the_picture():
    appearance = draw_text("as drawn", at=(2, 10), font_size=12)
    assert "as drawn" in page_text(stamped(form_pdf(value=String("value"), appearance=appearance)))


def test_a_stale_picture_of_a_form_value_is_drawn_anew():
    appearance = draw_text("stale", at=(2, 10), font_size=12)
    text = page_text(stamped(form_pdf(value=String("fresh"), appearance=appearance, need_appearances=True)))
    assert "fresh" in text
    assert "stale" not in text


@pytest.mark.parametrize("size", ["..", "-9", "9.", ".", "0"])
def test_an_odd_font_size_of_a_form_value_does_not_matter(size):
    content = form_pdf(value=String("Plain value")).replace(b"/Helv 0 Tf", f"/Helv {size} Tf".encode())
    assert "Plain value" in page_text(stamped(content))


def test_a_stale_picture_of_an_emptied_field_goes():
    appearance = draw_text("stale", at=(2, 10), font_size=12)
    assert "stale" not in page_text(stamped(form_pdf(value=String(""), appearance=appearance, need_appearances=True)))


@pytest.mark.parametrize(("turn", "is_tall"), [(0, False), (90, True), (180, False), (270, True)])
def test_a_turned_field_keeps_its_turn(turn, is_tall):
    content = form_pdf(value=String("sideways"), MK=Dictionary(R=turn))
    _, _, width, height = find_ink(stamped(content), dark)
    assert (height * TALL[1] > width * TALL[0]) is is_tall


@pytest.mark.parametrize(("state", "is_checked"), [("/Yes", True), ("/Off", False)])
def test_a_checkbox_keeps_its_state(state, is_checked):
    def add(pdf):
        box = Array([0, 0, 20, 20])
        checked = pdf.make_stream(b"1 0 1 rg 0 0 20 20 re f", BBox=box)
        pictures = Dictionary(Yes=checked, Off=pdf.make_stream(b"", BBox=box))
        field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Btn, T=String("box"), V=Name(state), F=4)
        field.AS, field.Rect, field.AP = Name(state), box, Dictionary(N=pictures)
        widget = pdf.make_indirect(field)
        pdf.pages[0].Annots = Array([widget])
        pdf.Root.AcroForm = Dictionary(Fields=Array([widget]), NeedAppearances=True)

    assert (find_ink(stamped(make_pdf(change=add)), magenta) is not None) is is_checked


def test_a_multiline_form_value_is_wrapped():
    value = "one two three four five six seven eight nine ten eleven twelve"
    document = stamped(form_pdf(value=String(value), Ff=1 << 12))
    assert page_text(document).split() == value.split()


def test_a_choice_shows_the_words_of_its_option():
    options = Array([Array([String("de"), String("Germany")]), Array([String("fr"), String("France")])])
    document = stamped(form_pdf(value=String("fr"), Opt=options))
    assert "France" in page_text(document)


def test_a_password_is_not_written_out():
    assert "secret" not in page_text(stamped(form_pdf(value=String("secret"), Ff=1 << 13)))


def test_nothing_that_could_change_the_document_is_left():
    def arm(pdf):
        pdf.Root.OpenAction = script()
        pdf.Root.AA = Dictionary(WC=script())
        pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("a"), script()])))
        page = pdf.pages[0]
        page.obj.AA = Dictionary(O=script())
        rectangle = Array([10, 10, 50, 50])
        link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=rectangle, A=script())
        film = Dictionary(Type=Name.Annot, Subtype=Name.Screen, Rect=rectangle)
        field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("t"), Rect=rectangle)
        page.Annots = Array([link, film, pdf.make_indirect(field)])
        pdf.Root.AcroForm = Dictionary(Fields=Array([page.Annots[2]]))

    with pikepdf.open(io.BytesIO(stamped(make_pdf(change=arm)))) as pdf:
        assert not {"/OpenAction", "/AA", "/AcroForm"} & set(pdf.Root.keys())
        assert "/JavaScript" not in pdf.Root.Names
        assert "/AA" not in pdf.pages[0].obj
        assert [(note.Subtype, "/A" in note) for note in pdf.pages[0].Annots] == [(Name.Link, False)]


def test_an_ordinary_link_stays():
    def add(pdf):
        target = Dictionary(S=Name.URI, URI=String("https://example.com"))
        link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([10, 10, 50, 50]), A=target)
        pdf.pages[0].Annots = Array([link])

    with pikepdf.open(io.BytesIO(stamped(make_pdf(change=add)))) as pdf:
        assert str(pdf.pages[0].Annots[0].A.URI) == "https://example.com"


def test_a_drawn_annotation_becomes_page_content():
    def add(pdf):
        # Some writers forget to say that the picture is a form.
        picture = pdf.make_stream(b"1 0 1 rg 0 0 80 60 re f", BBox=Array([0, 0, 80, 60]))
        note = Dictionary(
            Type=Name.Annot, Subtype=Name.Stamp, F=4, Rect=Array([40, 60, 120, 120]), AP=Dictionary(N=picture)
        )
        pdf.pages[0].Annots = Array([note])

    document = stamped(make_pdf(size=TALL, change=add))
    assert find_ink(document, magenta) == pytest.approx((10, 80, 20, 10), abs=0.6)
    with pikepdf.open(io.BytesIO(document)) as pdf:
        assert "/Annots" not in pdf.pages[0].obj
