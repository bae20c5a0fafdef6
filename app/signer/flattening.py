"""Turns form fields and annotations into plain page content, so that what was signed can no longer change."""

import re
from collections.abc import Iterator

from pikepdf import Array, Dictionary, Name, Object, Page, Pdf, Stream, String

from app.signer.canvas import Box, Canvas, Fonts
from app.signer.typesetting import fit_block, fit_line

_MULTILINE, _PASSWORD = 1 << 12, 1 << 13  # field flags (ISO 32000-1, table 228)
_MAX_DEPTH = 32  # of the field tree; a loop in a broken file ends here
_DEFAULT_SIZE = 12.0
_PADDING = 2.0  # points between the border of a field and its text
_FONT_SIZE = re.compile(rb"([\d.]+)\s+Tf")

#: Annotations that play, open or contain something; the others are drawn or may stay.
_ACTIVE = frozenset(
    {"/Widget", "/Popup", "/Screen", "/Movie", "/Sound", "/RichMedia", "/3D", "/FileAttachment", "/TrapNet"}
)
_HARMLESS_ACTIONS = frozenset({"/URI", "/GoTo", "/Named"})


def flatten(pdf: Pdf, fonts: Fonts) -> None:
    """Draw every field and annotation into its page as seen on screen, then drop forms and everything that runs."""
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, Dictionary):
        must_redraw = bool(form.get("/NeedAppearances", False))
        for page in pdf.pages:
            for widget in _annotations(page, "/Widget"):
                _ensure_appearance(pdf, fonts, form, widget, must_redraw=must_redraw)
        form.NeedAppearances = False
    pdf.flatten_annotations("screen")
    for page in pdf.pages:
        _drop_active_parts(page)
    for key in ("/AcroForm", "/AA", "/OpenAction"):
        if key in pdf.Root:
            del pdf.Root[key]
    if "/Names" in pdf.Root and "/JavaScript" in pdf.Root.Names:
        del pdf.Root.Names["/JavaScript"]


def _annotations(page: Page, *subtypes: str) -> Iterator[Object]:
    entries = page.obj.get("/Annots")
    if not isinstance(entries, Array):
        return
    for annotation in entries:
        if isinstance(annotation, Dictionary) and (not subtypes or str(annotation.get("/Subtype")) in subtypes):
            yield annotation


def _drop_active_parts(page: Page) -> None:
    if "/AA" in page.obj:
        del page.obj["/AA"]
    kept = [annotation for annotation in _annotations(page) if str(annotation.get("/Subtype")) not in _ACTIVE]
    for annotation in kept:
        action = annotation.get("/A")
        if action is not None and not (isinstance(action, Dictionary) and str(action.get("/S")) in _HARMLESS_ACTIONS):
            del annotation["/A"]
        if isinstance(action, Dictionary) and "/Next" in action:
            del action["/Next"]
        if "/AA" in annotation:
            del annotation["/AA"]
    if kept:
        page.obj.Annots = Array(kept)
    elif "/Annots" in page.obj:
        del page.obj["/Annots"]


def _ensure_appearance(pdf: Pdf, fonts: Fonts, form: Object, widget: Object, *, must_redraw: bool) -> None:
    """Give a text or choice field that has a value a picture of it, where the file has none or says it is stale.

    qpdf could, but only in Latin letters and on one line.
    """
    if str(_inherited(widget, "/FT")) not in ("/Tx", "/Ch"):
        return
    has_picture = isinstance(widget.get("/AP"), Dictionary) and widget.AP.get("/N") is not None
    if has_picture and not must_redraw:
        return
    value = _value(widget)
    rectangle = widget.get("/Rect")
    if value and isinstance(rectangle, Array):
        widget.AP = Dictionary(N=pdf.make_indirect(_draw_value(pdf, fonts, form, widget, value)))


def _draw_value(pdf: Pdf, fonts: Fonts, form: Object, widget: Object, value: str) -> Stream:
    x0, y0, x1, y1 = (float(number) for number in widget.Rect.as_list())
    width, height = abs(x1 - x0), abs(y1 - y0)
    turn = _integer(_look(widget, "/MK", "/R")) % 360
    if turn in (90, 270):
        width, height = height, width
    box = Box(_PADDING, 1, max(width - 2 * _PADDING, 1), max(height - 2, 1))
    flags = _integer(_inherited(widget, "/Ff"))
    is_multiline = bool(flags & _MULTILINE)
    shown = "\N{BULLET}" * len(value) if flags & _PASSWORD else value
    fit = fit_block if is_multiline else fit_line
    canvas = Canvas(pdf, fonts)
    canvas.paragraph(
        fit(shown, box.width, box.height, largest=_font_size(_inherited(widget, "/DA") or form.get("/DA"))),
        box,
        align=_integer(_inherited(widget, "/Q") or form.get("/Q")) / 2,
        from_top=is_multiline,
    )
    return Stream(
        pdf,
        canvas.content,
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, width, height]),
        Matrix=Array(_TURNS.get(turn, _TURNS[0])),
        Resources=canvas.resources,
    )


def _font_size(appearance: Object | None) -> float:
    wanted = _FONT_SIZE.search(bytes(appearance)) if isinstance(appearance, String) else None
    return float(wanted[1]) if wanted and float(wanted[1]) > 0 else _DEFAULT_SIZE


def _integer(number: Object | int | None) -> int:
    return number if isinstance(number, int) else 0


#: A viewer moves the turned box into the field's rectangle by itself (ISO 32000-1, 12.5.5).
_TURNS = {0: (1, 0, 0, 1, 0, 0), 90: (0, 1, -1, 0, 0, 0), 180: (-1, 0, 0, -1, 0, 0), 270: (0, -1, 1, 0, 0, 0)}


def _value(widget: Object) -> str:
    """Return what a reader would show; of several choices, one per line."""
    value = _inherited(widget, "/V")
    shown = {
        str(option[0]): str(option[-1]) for option in _options(widget) if isinstance(option, Array) and len(option)
    }
    chosen = list(value) if isinstance(value, Array) else [value]
    texts = [
        item.read_bytes().decode("latin-1") if isinstance(item, Stream) else str(item)
        for item in chosen
        if isinstance(item, (String, Stream, str))
    ]
    return "\n".join(shown.get(text, text) for text in texts)


def _options(widget: Object) -> Iterator[Object]:
    options = _inherited(widget, "/Opt")
    return iter(options) if isinstance(options, Array) else iter(())


def _inherited(field: Object, key: str) -> Object | None:
    """Return an entry of the field or of the nearest ancestor that has it."""
    for _ in range(_MAX_DEPTH):
        if key in field:
            return field[key]
        parent = field.get("/Parent")
        if not isinstance(parent, Dictionary):
            return None
        field = parent
    return None


def _look(field: Object, *keys: str) -> Object | None:
    for key in keys:
        if not isinstance(field, Dictionary) or key not in field:
            return None
        field = field[key]
    return field
