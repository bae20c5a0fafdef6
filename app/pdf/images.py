"""Draws pages as pictures. Child process only."""

import io
import math

from app.pdf.boxes import usable_frame_of
from app.pdf.documents import displayed, normalised, opened
from app.pdf.geometry import displayed_size

#: About A4 at 220 dpi, or 16 MB of raw pixels; larger pages get fewer dots per inch instead.
MAX_PIXELS = 4_000_000
_POINTS_PER_INCH = 72


def render(content: bytes, page: int, dpi: int) -> bytes:
    """Return the page (from 1) as a PNG, annotations and form fields included; IndexError beyond the last page.

    `dpi` counts per displayed inch, the user unit applied, and is lowered as far as the limit of pixels demands.
    """
    with opened(content) as pdf:
        frame = usable_frame_of(pdf, page)
        clear = normalised(pdf)
    size = displayed_size(frame)
    zoom = min(dpi / _POINTS_PER_INCH, math.sqrt(MAX_PIXELS / (size.width * size.height)))
    with displayed(clear) as document:
        document.init_forms()
        sheet = document[page - 1]
        # PDFium rounds each side up and ignores the user unit.
        picture = sheet.render(scale=zoom * frame.user_unit, may_draw_forms=True).to_pil()
    output = io.BytesIO()
    picture.save(output, "PNG")
    return output.getvalue()
