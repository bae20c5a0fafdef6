from app.signer.images import has_ink
from tests.builders.ink import blank_png, ink_png


def test_an_empty_picture_has_no_ink():
    assert has_ink(content=blank_png()) is False
    assert has_ink(content=ink_png(20, 20, (255, 255, 255))) is False


def test_a_drawn_picture_has_ink():
    assert has_ink(content=ink_png(20, 20)) is True
