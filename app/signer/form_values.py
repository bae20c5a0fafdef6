"""Gives form fields a picture of what was typed into them, in any script."""

import re
from collections.abc import Iterator

from pikepdf import Array, Dictionary, Name, Object, Page, Pdf, Stream, String

from app.pdf.boxes import inherited
from app.pdf.objects import entry
from app.signer.canvas import Box, Canvas, Fonts
from app.signer.typesetting import fit_block, fit_line

_MULTILINE, _PASSWORD = 1 << 12, 1 << 13  # field flags (ISO 32000-1, table 228)
_PADDING = 2.0  # points between the border of a field and its text
_DEFAULT_SIZE = 12.0
_FONT_SIZE = re.compile(rb"(\d+\.?\d*|\.\d+)\s+Tf")

#: By rotation of the field. A viewer moves the turned box into the field's rectangle by itself (ISO 32000-1, 12.5.5).
_TURNS = {0: (1, 0, 0, 1, 0, 0), 90: (0, 1, -1, 0, 0, 0), 180: (-1, 0, 0, -1, 0, 0), 270: (0, -1, 1, 0, 0, 0)}


def draw_values(pdf: Pdf, fonts: Fonts, form: Object) -> None:
    """Draw the value of text and choice fields where the file has no picture of it or says that it is stale.

    qpdf could, but only in Latin letters and on one line.
    """
    is_stale = bool(form.get("/NeedAppearances", False))
    form.NeedAppearances = False
    for page in pdf.pages:
        for widget in annotations(page, Name.Widget):
            is_text = inherited(widget, "/FT") in (Name.Tx, Name.Ch)
            if not is_text or (entry(widget, "/AP", "/N") is not None and not is_stale):
                continue
            widget.AP = Dictionary()
            value, size = _value(widget), _size(widget)
            if value and size:
                widget.AP.N = pdf.make_indirect(_picture(Canvas(pdf, fonts), form, widget, value, size))


def annotations(page: Page, *subtypes: Name) -> Iterator[Object]:
    """Yield the page's annotations, those of these kinds if any are named."""
    entries = page.obj.get("/Annots")
    if not isinstance(entries, Array):
        return
    for annotation in entries:
        if isinstance(annotation, Dictionary) and (not subtypes or annotation.get("/Subtype") in subtypes):
            yield annotation


def _picture(canvas: Canvas, form: Object, widget: Object, value: str, size: tuple[float, float]) -> Stream:
    turn = _integer(entry(widget, "/MK", "/R")) % 360
    width, height = size[::-1] if turn in (90, 270) else size
    box = Box(_PADDING, 1, max(width - 2 * _PADDING, 1), max(height - 2, 1))
    flags = _integer(inherited(widget, "/Ff"))
    is_multiline = bool(flags & _MULTILINE)
    fit = fit_block if is_multiline else fit_line
    canvas.paragraph(
        fit(
            "\N{BULLET}" * len(value) if flags & _PASSWORD else value,
            box.width,
            box.height,
            largest=_font_size(inherited(widget, "/DA") or form.get("/DA")),
        ),
        box,
        align=_integer(inherited(widget, "/Q") or form.get("/Q")) / 2,
        from_top=is_multiline,
    )
    return canvas.as_form(width, height, _TURNS.get(turn, _TURNS[0]))


def _size(widget: Object) -> tuple[float, float] | None:
    """Return width and height, None when the rectangle is none."""
    try:
        x0, y0, x1, y1 = (float(number) for number in entry(widget, "/Rect"))
    except (TypeError, ValueError):
        return None
    return abs(x1 - x0), abs(y1 - y0)


def _font_size(appearance: Object | None) -> float:
    wanted = _FONT_SIZE.search(bytes(appearance)) if isinstance(appearance, String) else None
    return float(wanted[1]) if wanted and float(wanted[1]) > 0 else _DEFAULT_SIZE


def _integer(number: Object | int | None) -> int:
    return number if isinstance(number, int) else 0


def _value(widget: Object) -> str:
    """Return what a reader would show; of several choices, one per line."""
    value = inherited(widget, "/V")
    options = inherited(widget, "/Opt")
    pairs = [option for option in options if isinstance(option, Array)] if isinstance(options, Array) else []
    shown = {str(pair[0]): str(pair[-1]) for pair in pairs if len(pair)}
    texts = [
        item.read_bytes().decode("latin-1") if isinstance(item, Stream) else str(item)
        for item in (list(value) if isinstance(value, Array) else [value])
        if isinstance(item, (String, Stream, str))
    ]
    return "\n".join(shown.get(text, text) for text in texts)
