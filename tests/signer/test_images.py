import io

import pytest
from PIL import Image, PngImagePlugin

from app.domain.errors import UnreadablePdf
from app.signer.images import redraw
from tests.builders.ink import MAGENTA, blank_png, ink_png

LIMIT = 300_000


def test_an_empty_picture_has_no_ink():
    assert redraw(content=blank_png(), max_bytes=LIMIT) is None
    assert redraw(content=ink_png(20, 20, (255, 255, 255)), max_bytes=LIMIT) is None


def test_nothing_but_the_pixels_is_taken_over():
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "taken at home")
    file = io.BytesIO()
    Image.new("RGBA", (20, 10), (*MAGENTA, 255)).save(file, "PNG", pnginfo=words, exif=b"Exif\0\0MM", dpi=(72, 72))

    clean = redraw(content=file.getvalue() + b"PK hidden archive", max_bytes=LIMIT)

    assert b"taken at home" not in clean
    assert b"hidden" not in clean
    assert clean == redraw(content=ink_png(20, 10), max_bytes=LIMIT)


def test_a_picture_that_grows_is_made_smaller():
    noise = Image.effect_noise((400, 400), 90).convert("RGBA")
    file = io.BytesIO()
    noise.save(file, "PNG")

    clean = redraw(content=file.getvalue(), max_bytes=20_000)

    assert len(clean) <= 20_000
    assert Image.open(io.BytesIO(clean)).width < 400


def test_what_is_no_picture_is_refused():
    with pytest.raises(UnreadablePdf):
        redraw(content=b"\x89PNG\r\n\x1a\nnothing", max_bytes=LIMIT)
