"""Makes pictures of signatures, and finds ink on a page with PDFium, which had no part in putting it there."""

import io
from collections.abc import Callable

import pypdfium2
from PIL import Image, ImageChops

MAGENTA = (255, 0, 255)
#: Pixels per point.
_SCALE = 2


def ink_png(width: int = 200, height: int = 80, colour: tuple[int, int, int] = MAGENTA) -> bytes:
    """Make a picture that is ink all over."""
    return _png(Image.new("RGBA", (width, height), (*colour, 255)))


def blank_png() -> bytes:
    """Make a picture of nothing."""
    return _png(Image.new("RGBA", (200, 80), (0, 0, 0, 0)))


def _png(picture: Image.Image) -> bytes:
    output = io.BytesIO()
    picture.save(output, "PNG")
    return output.getvalue()


def magenta(picture: Image.Image) -> Image.Image:
    """Return where the ink of `ink_png` is."""
    red, green, blue = picture.split()
    return _both(_both(_over(red, 200), _over(blue, 200)), _over(ImageChops.invert(green), 175))


def blue(picture: Image.Image) -> Image.Image:
    """Return where the ink of text and ticks is, however thin; neither black print nor white paper."""
    red, _, blue = picture.split()
    return _over(ImageChops.subtract(blue, red), 40)


def dark(picture: Image.Image) -> Image.Image:
    """Return where black print is."""
    return _over(ImageChops.invert(picture.convert("L")), 127)


def find_ink(
    content: bytes, ink: Callable[[Image.Image], Image.Image], *, page: int = 1
) -> tuple[float, float, float, float] | None:
    """Return x, y, width and height of all such ink in percent of the displayed page, None when there is none."""
    picture = page_picture(content, page=page)
    box = ink(picture).getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    x, y = 100 / picture.width, 100 / picture.height
    return left * x, top * y, (right - left) * x, (bottom - top) * y


def _over(channel: Image.Image, limit: int) -> Image.Image:
    return channel.point(lambda value: 255 if value > limit else 0)


def _both(one: Image.Image, other: Image.Image) -> Image.Image:
    return ImageChops.multiply(one, other)


def page_picture(content: bytes, *, page: int = 1) -> Image.Image:
    """Draw a page as a reader would."""
    document = pypdfium2.PdfDocument(content)
    try:
        return document[page - 1].render(scale=_SCALE).to_pil().convert("RGB")
    finally:
        document.close()


def page_text(content: bytes, *, page: int = 1) -> str:
    """Return the text of a page as copied out of a reader."""
    document = pypdfium2.PdfDocument(content)
    try:
        return document[page - 1].get_textpage().get_text_range()
    finally:
        document.close()
