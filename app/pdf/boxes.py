"""Reads the visible part of a page the way PDFium does, so that both agree where something is. Child process only."""

import math
from typing import Any

import pikepdf

from app.domain.errors import UnreadablePdf
from app.pdf.geometry import PageFrame, Rectangle, displayed_size

#: 200 inches, what PDF viewers promise to show (ISO 32000-1, annex C).
MAX_SIDE_POINTS = 14_400

#: What PDFium takes for a page without a usable media box (US Letter).
_FALLBACK: Rectangle = (0.0, 0.0, 612.0, 792.0)
_CORNERS = 4


def frame_of(page: pikepdf.Page) -> PageFrame:
    """Return the crop box cut to the media box, the rotation and the user unit, inherited or not."""
    media = _rectangle(inherited(page.obj, "/MediaBox")) or _FALLBACK
    crop = _rectangle(inherited(page.obj, "/CropBox")) or media
    left, bottom, right, top = _intersection(media, crop)
    return PageFrame(
        left=left,
        bottom=bottom,
        right=right,
        top=top,
        rotation=int(_number(inherited(page.obj, "/Rotate")) / 90) % 4 * 90,
        user_unit=_number(page.obj.get("/UserUnit")) or 1.0,
    )


def usable_frame_of(pdf: pikepdf.Pdf, number: int) -> PageFrame:
    """Return the frame of the page with this number (from 1), IndexError if there is none.

    Raises UnreadablePdf when nothing of the page is visible or a side is over 200 inches.
    """
    frame = frame_of(pdf.pages.p(number))
    size = displayed_size(frame)
    if not (0 < size.width <= MAX_SIDE_POINTS and 0 < size.height <= MAX_SIDE_POINTS):
        raise UnreadablePdf(f"Page {number} of the PDF has no usable size.")
    return frame


def inherited(node: Any, key: str) -> Any:
    """Return the entry of a page or form field, or of the nearest ancestor that has it; None if there is none."""
    seen = set()
    while isinstance(node, pikepdf.Dictionary) and node.objgen not in seen:
        value = node.get(key)
        if value is not None:
            return value
        seen.add(node.objgen)
        node = node.get("/Parent")
    return None


def _rectangle(value: Any) -> Rectangle | None:
    """Return the rectangle with its corners in order; None if it is none or has no area."""
    if not isinstance(value, pikepdf.Array) or len(value) != _CORNERS:
        return None
    x0, y0, x1, y1 = (_number(item) for item in value)
    left, right = sorted((x0, x1))
    bottom, top = sorted((y0, y1))
    return (left, bottom, right, top) if left < right and bottom < top else None


def _intersection(one: Rectangle, other: Rectangle) -> Rectangle:
    left, bottom = max(one[0], other[0]), max(one[1], other[1])
    right, top = min(one[2], other[2]), min(one[3], other[3])
    return (left, bottom, right, top) if left <= right and bottom <= top else (0.0, 0.0, 0.0, 0.0)


def _number(value: Any) -> float:
    """Return a PDF number, 0 for anything else: PDFium's rule."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0
