"""Lays a drawing over a page, exactly where a reader sees it, whatever the page's own content did before."""

import re
from collections.abc import Iterable

from pikepdf import Array, Name, Operator, Page, Stream, parse_content_stream

from app.pdf.boxes import frame_of
from app.pdf.geometry import displayed_size, placement_matrix
from app.signer.canvas import Canvas

#: A text, to be passed over, or what looks like saving or restoring the graphics state.
_SAVE_OR_RESTORE = re.compile(rb"\((?:[^()\\]|\\.)*\)|(?<!\S)([qQ])(?!\S)", re.DOTALL)
_SAVE = Operator("q")


def lay_over(page: Page, canvas: Canvas) -> None:
    """Show the canvas, which has the size of the displayed page in points, above the page's content."""
    frame = frame_of(page)
    size = displayed_size(frame)
    drawing = canvas.as_form(size.width, size.height, placement_matrix(frame))
    name = page.add_resource(drawing, Name.XObject, prefix="Stamp")
    missing_saves, missing_restores = _imbalance(page)
    page.contents_add(b"q\n" * (1 + missing_saves), prepend=True)
    page.contents_add(b"\nQ" * (1 + missing_restores) + f"\nq {name} Do Q\n".encode("ascii"))


def _imbalance(page: Page) -> tuple[int, int]:
    """Return how many saves and how many restores the page's content lacks; what it left behind would move the stamp.

    Reading the content properly takes a hundred times as long as a look at it, so that comes first.
    """
    contents = page.obj.get("/Contents")
    parts = list(contents) if isinstance(contents, Array) else [contents]
    content = b"\n".join(part.read_bytes() for part in parts if isinstance(part, Stream))
    glance = _count(operator == b"q" for operator in _SAVE_OR_RESTORE.findall(content) if operator)
    if glance == (0, 0):
        return glance
    return _count(instruction.operator == _SAVE for instruction in parse_content_stream(page, "q Q"))


def _count(are_saves: Iterable[bool]) -> tuple[int, int]:
    depth = missing_saves = 0
    for is_save in are_saves:
        if is_save:
            depth += 1
        elif depth:
            depth -= 1
        else:
            missing_saves += 1
    return missing_saves, depth
