"""What the services see of PDFs: the port `PdfInspector`, and page images."""

from collections.abc import Mapping, Sequence

from app.domain.ports import Box, PageSize, PdfReport
from app.pdf.sandbox import Sandbox


class SandboxedPdfInspector:
    """Looks into PDFs in a child process (see `app.domain.ports.PdfInspector`).

    Every method raises UnreadablePdf for a document that cannot be read within the limits, SandboxError for our faults.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def inspect(self, content: bytes) -> PdfReport:
        """Return what the PDF holds; raise UnreadablePdf when it cannot be signed faithfully."""
        report = self._sandbox.call("app.pdf.inspect:inspect", content=content)
        return PdfReport(pages=tuple(PageSize(width=width, height=height) for width, height in report["pages"]))

    def locate(self, content: bytes, texts: Sequence[str]) -> Mapping[str, tuple[Box, ...]]:
        """Return every place of each literal, case-sensitive text, in reading order; absent texts map to ()."""
        places = self._sandbox.call("app.pdf.text:locate", content=content, texts=list(texts))
        return {text: tuple(_box(*place) for place in places[text]) for text in texts}

    def count_pages(self, content: bytes) -> int:
        """Return how many pages a PDF has that need not be signable (a sealed one, say); raise UnreadablePdf."""
        pages: int = self._sandbox.call("app.pdf.inspect:count_pages", content=content)
        return pages

    def render_page(self, content: bytes, *, page: int, dpi: int) -> bytes:
        """Return a page (from 1) as a PNG; `dpi` is lowered for pages that would exceed four million pixels."""
        picture: bytes = self._sandbox.call("app.pdf.images:render", content=content, page=page, dpi=dpi)
        return picture

    def page_texts(self, content: bytes) -> tuple[str, ...]:
        """Return the text of each page, empty where a page is only a picture."""
        return tuple(self._sandbox.call("app.pdf.page_texts:read", content=content))


def _box(page: int, x: float, y: float, width: float, height: float) -> Box:
    return Box(page=page, x=x, y=y, width=width, height=height)
