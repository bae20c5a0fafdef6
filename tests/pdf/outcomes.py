"""Reads many documents in one child process and says how each one fared."""

from app.domain.errors import UnreadablePdf
from app.pdf.boxes import frame_of
from app.pdf.documents import displayed, opened
from app.pdf.geometry import displayed_size
from app.pdf.images import render
from app.pdf.inspect import inspect
from app.pdf.text import locate


def outcomes(contents: list[bytes]) -> list[str]:
    """Inspect, search and draw each document; say "fine", "refused" or what else happened."""
    return [outcome(content) for content in contents]


def outcome(content: bytes) -> str:
    try:
        inspect(content)
        locate(content, ["Contract"])
        render(content, page=1, dpi=20)
    except UnreadablePdf:
        return "refused"
    except Exception as error:  # noqa: BLE001 (the kind of error is the outcome)
        return type(error).__name__
    return "fine"


def sizes(contents: list[bytes]) -> list[list[list[float]]]:
    """Return the size of the first page of each document, by our reckoning and by PDFium's."""
    return [[_our_size(content), _size_by_pdfium(content)] for content in contents]


def _our_size(content: bytes) -> list[float]:
    with opened(content) as pdf:
        size = displayed_size(frame_of(pdf.pages[0]))
    return [size.width, size.height]


def _size_by_pdfium(content: bytes) -> list[float]:
    with displayed(content) as document:
        return list(document[0].get_size())
