"""Turns form fields and annotations into plain page content, so that what was signed can no longer change."""

import re
from collections.abc import Iterator

from pikepdf import Array, Dictionary, Name, Object, Page, Pdf, Stream, String

from app.pdf.boxes import inherited
from app.pdf.objects import entry, values
from app.signer.canvas import Box, Canvas, Fonts
from app.signer.typesetting import fit_block, fit_line

_MULTILINE, _PASSWORD = 1 << 12, 1 << 13  # field flags (ISO 32000-1, table 228)
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
        _draw_values(pdf, fonts, form)
    for page in pdf.pages:
        _name_pictures(page)
    pdf.flatten_annotations("screen")
    for page in pdf.pages:
        _drop_active_parts(page)
    for key in ("/AcroForm", "/AA", "/OpenAction"):
        if key in pdf.Root:
            del pdf.Root[key]
    if entry(pdf.Root, "/Names", "/JavaScript") is not None:
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


def _name_pictures(page: Page) -> None:
    """Call each picture of an annotation a form, which some writers forget and readers insist on."""
    for annotation in _annotations(page):
        picture = entry(annotation, "/AP", "/N")
        for stream in values(picture) if isinstance(picture, Dictionary) else [picture]:
            if isinstance(stream, Stream):
                stream.Subtype = Name.Form


def _draw_values(pdf: Pdf, fonts: Fonts, form: Object) -> None:
    """Give text and choice fields a picture of their value where the file has none or says that it is stale.

    qpdf could, but only in Latin letters and on one line.
    """
    is_stale = bool(form.get("/NeedAppearances", False))
    form.NeedAppearances = False
    for page in pdf.pages:
        for widget in _annotations(page, "/Widget"):
            is_text = str(inherited(widget, "/FT")) in ("/Tx", "/Ch")
            if not is_text or (entry(widget, "/AP", "/N") is not None and not is_stale):
                continue
            value = _value(widget)
            if value and isinstance(widget.get("/Rect"), Array):
                widget.AP = Dictionary(N=pdf.make_indirect(_draw_value(pdf, fonts, form, widget, value)))


def _draw_value(pdf: Pdf, fonts: Fonts, form: Object, widget: Object, value: str) -> Stream:
    x0, y0, x1, y1 = (float(number) for number in widget.Rect.as_list())
    width, height = abs(x1 - x0), abs(y1 - y0)
    turn = _integer(entry(widget, "/MK", "/R")) % 360
    if turn in (90, 270):
        width, height = height, width
    box = Box(_PADDING, 1, max(width - 2 * _PADDING, 1), max(height - 2, 1))
    flags = _integer(inherited(widget, "/Ff"))
    is_multiline = bool(flags & _MULTILINE)
    shown = "\N{BULLET}" * len(value) if flags & _PASSWORD else value
    fit = fit_block if is_multiline else fit_line
    canvas = Canvas(pdf, fonts)
    canvas.paragraph(
        fit(shown, box.width, box.height, largest=_font_size(inherited(widget, "/DA") or form.get("/DA"))),
        box,
        align=_integer(inherited(widget, "/Q") or form.get("/Q")) / 2,
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
    value = inherited(widget, "/V")
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
    options = inherited(widget, "/Opt")
    return iter(options) if isinstance(options, Array) else iter(())
