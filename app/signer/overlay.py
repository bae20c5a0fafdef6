"""Lays a drawing over a page, exactly where a reader sees it, whatever the page's own content did before."""

import re
from collections import Counter

from pikepdf import Array, Dictionary, Name, Page, Pdf, Stream

from app.pdf.boxes import frame_of, inherited
from app.pdf.geometry import displayed_size, placement_matrix
from app.signer.canvas import Canvas

#: What has to be closed again in a page's content, and by what.
_PAIRS = {
    b"(": b")",
    b"[": b"]",
    b"<": b">",
    b"q": b"Q",
    b"BT": b"ET",
    b"BMC": b"EMC",
    b"BDC": b"EMC",
    b"BI": b"EI",
}
#: A whole text, to be passed over, or what looks like opening or closing something.
_TOKEN = re.compile(
    rb"\((?:[^()\\]|\\.)*+\)|<[0-9A-Fa-f\s]*+>"
    rb"|([()<>\[\]]|(?<![^\s()<>\[\]])(?:q|Q|BT|ET|BMC|BDC|EMC|BI|EI)(?![^\s()<>\[\]/%]))",
    re.DOTALL,
)


def contain(pdf: Pdf, page: Page) -> None:
    """Put content that leaves something open into a form of its own, where that ends by itself.

    Else a graphics state, a hidden layer or a text without an end would move, hide or swallow what is drawn later.
    Ordinary content stays as it is. What looks open and is not (in the data of an inline image, say) looks the same
    in a form.
    """
    contents = page.obj.get("/Contents")
    parts = list(contents) if isinstance(contents, Array) else [contents]
    content = b"\n".join(part.read_bytes() for part in parts if isinstance(part, Stream))
    if _is_closed(content):
        return
    frame = frame_of(page)
    box = Array([frame.left, frame.bottom, frame.right, frame.top])
    form = pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=box)
    resources = inherited(page.obj, "/Resources")
    if isinstance(resources, Dictionary):
        form.Resources = resources
    page.obj.Resources = Dictionary(XObject=Dictionary(Content=form))
    page.obj.Contents = pdf.make_stream(b"/Content Do")


def lay_over(page: Page, canvas: Canvas) -> None:
    """Show the canvas, which has the size of the displayed page in points, above the page's content."""
    frame = frame_of(page)
    size = displayed_size(frame)
    drawing = canvas.as_form(size.width, size.height, placement_matrix(frame))
    name = page.add_resource(drawing, Name.XObject, prefix="Stamp")
    page.contents_add(b"q\n", prepend=True)
    page.contents_add(f"\nQ\nq {name} Do Q\n".encode("ascii"))


def _is_closed(content: bytes) -> bool:
    depths: Counter[bytes] = Counter()
    for match in _TOKEN.finditer(content):
        token = match[1]
        if token in _PAIRS:
            depths[_PAIRS[token]] += 1
        elif token:
            if not depths[token]:
                return False
            depths[token] -= 1
    return not any(depths.values())
