"""Draws what the signers filled in onto the pages. Runs in the PDF child process: JSON types and bytes in and out."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pikepdf
from pikepdf import Array, Matrix, Name, Page, Pdf, Rectangle, Stream

from app.domain.errors import UnreadablePdf
from app.signer.canvas import WHITE, Box, Canvas, Colour, Fonts
from app.signer.flattening import flatten
from app.signer.typefaces import Style
from app.signer.typesetting import Setting, fit_block, fit_line

#: The blue of a pen: what was filled in differs from what was printed.
INK: Colour = (0.07, 0.13, 0.42)

#: Points. Text starts at the first size; one line that would need less than the second is wrapped.
_TEXT_SIZE = 12.0
_SMALLEST_LINE = 5.0
_SIGNATURE_SIZE = 48.0

_TICK = (((0.10, 0.50), (0.38, 0.20), (0.90, 0.82)),)
_CROSS = (((0.15, 0.15), (0.85, 0.85)), ((0.15, 0.85), (0.85, 0.15)))


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A page as it is displayed, upright, in its own units; `to_page` maps it into the page's coordinates."""

    width: float
    height: float
    unit: float
    to_page: Matrix


def stamp(*, content: bytes, marks: Sequence[dict[str, Any]], hide: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return `{"document": bytes, "missing_glyphs": [characters shown as boxes]}`: flattened, stamped, ready to seal.

    Marks and boxes to hide (in white, below the marks) have `page` (from 1) and `x`, `y`, `width`, `height` in percent
    of the displayed page, origin top-left. A mark's `kind` is

    * `image` (`png`: bytes), as large as the box allows;
    * `text` (`value`, optional `multiline`), shrunk or wrapped into the box, never cut off;
    * `check` (optional `style`: `tick` or `cross`);
    * `typed_signature` (`value`), in a script face.

    Raises UnreadablePdf when the file cannot be stamped.
    """
    try:
        with Pdf.open(io.BytesIO(content)) as pdf:
            fonts = Fonts(pdf)
            flatten(pdf, fonts)
            missing = _stamp_pages(pdf, fonts, marks, hide)
            fonts.embed()
            return {"document": _save(pdf), "missing_glyphs": missing}
    except pikepdf.PasswordError as error:
        raise UnreadablePdf("The PDF is encrypted.") from error
    except pikepdf.PdfError as error:
        raise UnreadablePdf("The PDF is damaged and cannot be stamped.") from error


def _stamp_pages(pdf: Pdf, fonts: Fonts, marks: Sequence[dict[str, Any]], hide: Sequence[dict[str, Any]]) -> list[str]:
    missing: dict[str, None] = {}
    for number, page in enumerate(pdf.pages, start=1):
        on_page = [mark for mark in marks if mark["page"] == number]
        hidden = [box for box in hide if box["page"] == number]
        if not on_page and not hidden:
            continue
        sheet = displayed(page)
        canvas = Canvas(pdf, fonts)
        for box in hidden:
            canvas.rectangle(_box(sheet, box), colour=WHITE)
        for mark in on_page:
            missing |= dict.fromkeys(_draw(canvas, sheet, mark))
        _place(pdf, page, sheet, canvas)
    beyond = {item["page"] for item in (*marks, *hide)} - set(range(1, len(pdf.pages) + 1))
    if beyond:
        raise UnreadablePdf("A field is on a page that the document does not have.")
    return list(missing)


def displayed(page: Page) -> Sheet:
    """Return how a page is shown: crop box, rotation and user unit applied."""
    box = _visible_box(page)
    x0, y0, x1, y1 = (float(value) for value in (box.llx, box.lly, box.urx, box.ury))
    width, height = x1 - x0, y1 - y0
    unit = float(page.obj.get("/UserUnit", 1))
    match page.rotation % 360:
        case 90:
            return Sheet(width=height, height=width, unit=unit, to_page=Matrix(0, 1, -1, 0, x1, y0))
        case 180:
            return Sheet(width=width, height=height, unit=unit, to_page=Matrix(-1, 0, 0, -1, x1, y1))
        case 270:
            return Sheet(width=height, height=width, unit=unit, to_page=Matrix(0, -1, 1, 0, x0, y1))
        case _:
            return Sheet(width=width, height=height, unit=unit, to_page=Matrix(1, 0, 0, 1, x0, y0))


def _visible_box(page: Page) -> Rectangle:
    """Return the crop box cut to the media box, which is all that a viewer shows."""
    media, crop = Rectangle(page.mediabox), Rectangle(page.cropbox)
    visible = media & crop
    return media if visible is None or not visible.width or not visible.height else visible


def _draw(canvas: Canvas, sheet: Sheet, mark: dict[str, Any]) -> Sequence[str]:
    """Draw one mark and return the characters that no typeface has."""
    box = _box(sheet, mark)
    match mark["kind"]:
        case "image":
            canvas.image(mark["png"], box)
            return ()
        case "check":
            _draw_check(canvas, box, mark.get("style", "tick"))
            return ()
        case "typed_signature":
            largest = _SIGNATURE_SIZE / sheet.unit
            setting = fit_line(mark["value"], box.width, box.height, largest=largest, style=Style.SCRIPT)
            canvas.paragraph(setting, box, align=0.5, from_top=False, colour=INK)
            return setting.missing
        case "text":
            setting = _fit_text(mark, box, sheet.unit)
            canvas.paragraph(setting, box, from_top=bool(mark.get("multiline")), colour=INK)
            return setting.missing
        case unknown:
            raise ValueError(f"There is no mark of kind {unknown}.")


def _fit_text(mark: dict[str, Any], box: Box, unit: float) -> Setting:
    largest = _TEXT_SIZE / unit
    line = fit_line(mark["value"], box.width, box.height, largest=largest)
    is_long = line.size * unit < _SMALLEST_LINE and line.height < box.height
    if mark.get("multiline") or is_long:
        return fit_block(mark["value"], box.width, box.height, largest=largest)
    return line


def _draw_check(canvas: Canvas, box: Box, style: str) -> None:
    """Draw a tick or a cross in the largest square in the middle of the box, line ends included."""
    side = min(box.width, box.height)
    left, bottom = box.x + (box.width - side) / 2, box.y + (box.height - side) / 2
    paths = _CROSS if style == "cross" else _TICK
    points = [[(left + u * side, bottom + v * side) for u, v in path] for path in paths]
    canvas.strokes(points, thickness=side / 8, colour=INK)


def _box(sheet: Sheet, place: dict[str, Any]) -> Box:
    """Turn percent from the top into units of the sheet from the bottom."""
    width, height = place["width"] * sheet.width / 100, place["height"] * sheet.height / 100
    return Box(place["x"] * sheet.width / 100, sheet.height - place["y"] * sheet.height / 100 - height, width, height)


def _place(pdf: Pdf, page: Page, sheet: Sheet, canvas: Canvas) -> None:
    """Put the drawing over the page; the page's own content is wrapped so that its settings end with it."""
    drawing = Stream(
        pdf,
        canvas.content,
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, sheet.width, sheet.height]),
        Matrix=sheet.to_page.as_array(),
        Resources=canvas.resources,
    )
    name = page.add_resource(drawing, Name.XObject, prefix="Stamp")
    page.contents_add(b"q\n", prepend=True)
    page.contents_add(f"\nQ q {name} Do Q\n".encode("ascii"))


def _save(pdf: Pdf) -> bytes:
    """Write a file with one plain cross-reference section, which the sealing wants."""
    output = io.BytesIO()
    pdf.remove_unreferenced_resources()
    pdf.save(output, deterministic_id=True, compress_streams=True, min_version="1.4")  # 1.4: soft masks of images
    return output.getvalue()
