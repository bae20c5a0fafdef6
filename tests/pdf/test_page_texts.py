"""The text of pages, for those who cannot see them."""

import pytest

from app.domain.errors import UnreadablePdf
from tests.builders.pdfs import drawn_pdf, make_pdf


def test_each_page_has_its_text(inspector):
    texts = inspector.page_texts(make_pdf(text="Rent is due.", pages=3))
    assert texts == ("Rent is due.",) * 3


def test_a_page_that_is_only_a_picture_has_none(inspector):
    assert inspector.page_texts(drawn_pdf(b"10 10 200 200 re f")) == ("",)


def test_the_lines_of_a_page_stay_lines(inspector):
    page = drawn_pdf(b"BT /F1 12 Tf 50 700 Td (Rent is due.) Tj 0 -20 Td (Pay it.) Tj ET")
    assert inspector.page_texts(page) == ("Rent is due.\nPay it.",)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_turned_page_is_read_too(inspector, rotate):
    assert inspector.page_texts(make_pdf(text="Rent is due.", rotate=rotate)) == ("Rent is due.",)


def test_what_is_no_pdf_is_unreadable(inspector):
    with pytest.raises(UnreadablePdf):
        inspector.page_texts(b"nothing")
