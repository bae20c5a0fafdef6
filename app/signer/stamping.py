"""Draws what the signers filled in onto the pages. Runs in the PDF child process: JSON types and bytes in and out."""

import io
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from pikepdf import Pdf

from app.domain.errors import UnreadablePdf
from app.domain.ports import PageSize
from app.pdf.boxes import frame_of
from app.pdf.documents import opened
from app.pdf.geometry import displayed_size
from app.signer.canvas import WHITE, Box, Canvas, Colour, Fonts, Picture, embed_picture
from app.signer.flattening import flatten
from app.signer.overlay import contain, lay_over
from app.signer.typefaces import Style
from app.signer.typesetting import Setting, fit_block, fit_line

#: The blue of a pen: what was filled in differs from what was printed.
INK: Colour = (0.07, 0.13, 0.42)

#: Points. Text starts at the first size; one line that would need less than the second is wrapped.
_TEXT_SIZE = 12.0
_SMALLEST_LINE = 5.0
_SIGNATURE_SIZE = 48.0

_TICK = ((0.10, 0.50), (0.38, 0.20), (0.90, 0.82))


def stamp(*, content: bytes, marks: Sequence[dict[str, Any]], hide: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return `{"document": bytes, "missing_glyphs": [characters shown as boxes]}`: flattened, stamped, ready to seal.

    Marks and boxes to hide (in white, below the marks) have `page` (from 1) and `x`, `y`, `width`, `height` in percent
    of the displayed page, origin top-left. A mark's `kind` is

    * `image` (`png`: bytes), as large as the box allows;
    * `text` (`value`, optional `multiline`), shrunk or wrapped into the box, never cut off;
    * `check`, a tick;
    * `typed_signature` (`value`), in a script face.

    Raises UnreadablePdf when the file cannot be stamped.
    """
    with opened(content) as pdf:
        fonts = Fonts(pdf)
        drawn_on = {item["page"] for item in (*marks, *hide)}
        for number, page in enumerate(pdf.pages, start=1):
            if number in drawn_on or "/Annots" in page.obj:
                contain(pdf, page)
        flatten(pdf, fonts)
        missing = _stamp_pages(pdf, fonts, marks, hide)
        fonts.embed()
        return {"document": _saved(pdf), "missing_glyphs": missing}


def _stamp_pages(pdf: Pdf, fonts: Fonts, marks: Sequence[dict[str, Any]], hide: Sequence[dict[str, Any]]) -> list[str]:
    if any(not 1 <= item["page"] <= len(pdf.pages) for item in (*marks, *hide)):
        raise UnreadablePdf("A field is on a page that the document does not have.")
    missing: dict[str, None] = {}
    # One drawing is adopted in many places.
    embed = cache(partial(embed_picture, pdf))
    for number, page in enumerate(pdf.pages, start=1):
        on_page = [mark for mark in marks if mark["page"] == number]
        hidden = [box for box in hide if box["page"] == number]
        if not on_page and not hidden:
            continue
        size = displayed_size(frame_of(page))
        if not (size.width > 0 and size.height > 0):
            raise UnreadablePdf("A page of the document has no area.")
        canvas = Canvas(pdf, fonts)
        for box in hidden:
            canvas.rectangle(_box(size, box), colour=WHITE)
        for mark in on_page:
            missing |= dict.fromkeys(_draw(canvas, _box(size, mark), mark, embed))
        lay_over(page, canvas)
    return list(missing)


def _draw(canvas: Canvas, box: Box, mark: dict[str, Any], embed: Callable[[bytes], Picture]) -> Sequence[str]:
    """Draw one mark and return the characters that no typeface has."""
    match mark["kind"]:
        case "image":
            canvas.image(embed(mark["png"]), box)
            return ()
        case "check":
            _draw_tick(canvas, box)
            return ()
        case "typed_signature":
            setting = fit_line(mark["value"], box.width, box.height, largest=_SIGNATURE_SIZE, style=Style.SCRIPT)
            canvas.paragraph(setting, box, align=0.5, from_top=False, colour=INK)
            return setting.missing
        case "text":
            setting = _fit_text(mark, box)
            canvas.paragraph(setting, box, from_top=bool(mark.get("multiline")), colour=INK)
            return setting.missing
        case unknown:
            raise ValueError(f"There is no mark of kind {unknown}.")


def _fit_text(mark: dict[str, Any], box: Box) -> Setting:
    line = fit_line(mark["value"], box.width, box.height, largest=_TEXT_SIZE)
    is_long = line.size < _SMALLEST_LINE and line.height < box.height
    if mark.get("multiline") or is_long:
        return fit_block(mark["value"], box.width, box.height, largest=_TEXT_SIZE)
    return line


def _draw_tick(canvas: Canvas, box: Box) -> None:
    """Draw a tick in the largest square in the middle of the box, line ends included."""
    side = min(box.width, box.height)
    left, bottom = box.x + (box.width - side) / 2, box.y + (box.height - side) / 2
    canvas.stroke([(left + u * side, bottom + v * side) for u, v in _TICK], thickness=side / 8, colour=INK)


def _box(size: PageSize, place: dict[str, Any]) -> Box:
    """Turn percent from the top into points from the bottom of the displayed page."""
    width, height = place["width"] * size.width / 100, place["height"] * size.height / 100
    return Box(place["x"] * size.width / 100, size.height - place["y"] * size.height / 100 - height, width, height)


def _saved(pdf: Pdf) -> bytes:
    """Write a file with one plain cross-reference section, which the sealing wants."""
    output = io.BytesIO()
    pdf.remove_unreferenced_resources()
    # The writer puts the right number in, but only where there is one; a damaged file may have lost it.
    pdf.trailer.Size = 0
    # 1.4 brought the soft masks of images.
    pdf.save(output, deterministic_id=True, fix_metadata_version=False, min_version="1.4")
    return output.getvalue()
