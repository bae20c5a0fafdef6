import io

import pytest
from pikepdf import Array, Dictionary, Name, String
from PIL import Image

from app.pdf.sandbox import SandboxError
from tests.builders.pdfs import make_pdf


def picture(inspector, content, *, page=1, dpi=72):
    return Image.open(io.BytesIO(inspector.render_page(content, page=page, dpi=dpi))).convert("L")


def dark_pixels(image):
    return sum(image.histogram()[:128])


@pytest.mark.parametrize(
    ("options", "dpi", "expected"),
    [
        ({"size": (300, 400)}, 72, (300, 400)),
        ({"size": (300, 400)}, 144, (600, 800)),
        ({"size": (300, 400), "rotate": 90}, 72, (400, 300)),
        ({"size": (300, 400), "crop": (50, 50, 150, 250)}, 72, (100, 200)),
        ({"size": (300, 400), "user_unit": 2}, 72, (600, 800)),
    ],
)
def test_a_picture_shows_the_displayed_page_at_its_size(inspector, options, dpi, expected):
    assert picture(inspector, make_pdf(**options), dpi=dpi).size == expected


def test_a_large_page_gets_fewer_dots_instead_of_failing(inspector):
    image = picture(inspector, make_pdf(size=(14_400, 7_200)), dpi=300)
    assert image.width * image.height == pytest.approx(4_000_000, rel=0.01)
    assert image.width / image.height == pytest.approx(2, rel=0.01)


def test_a_very_narrow_page_keeps_at_least_a_pixel(inspector):
    assert picture(inspector, make_pdf(size=(14_400, 0.01)), dpi=300).height >= 1


def test_the_right_page_is_drawn(inspector):
    content = make_pdf(text=["", "#####"])
    assert dark_pixels(picture(inspector, content, page=1)) == 0
    assert dark_pixels(picture(inspector, content, page=2)) > 0


def test_what_a_form_field_shows_is_drawn(inspector):
    def add_field(pdf):
        black = pdf.make_stream(b"0 g 0 0 50 50 re f")
        black.update(Dictionary(Type=Name.XObject, Subtype=Name.Form, BBox=Array((0, 0, 50, 50))))
        field = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Tx,
                T=String("name"),
                F=4,
                Rect=Array((10, 10, 60, 60)),
                AP=Dictionary(N=black),
            )
        )
        pdf.pages[0].Annots = Array([field])
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]))

    assert dark_pixels(picture(inspector, make_pdf(text="", size=(100, 100), change=add_field))) >= 2400


def test_a_page_beyond_the_last_is_our_bug(inspector):
    with pytest.raises(SandboxError, match="IndexError"):
        inspector.render_page(make_pdf(), page=2, dpi=72)
