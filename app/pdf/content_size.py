"""Measures what the pages unpack to, before PDFium tries to hold it. Child process only."""

from collections.abc import Iterator
from typing import Any

import pikepdf
from pikepdf import Name

from app.domain.errors import UnreadablePdf
from app.pdf.boxes import inherited
from app.pdf.documents import MAX_DECODED_BYTES
from app.pdf.objects import dictionaries, entry, values

_TOO_MUCH = f"The content of page {{page}} cannot be unpacked within {MAX_DECODED_BYTES // 1024 // 1024} MB."


def refuse_oversized_pages(pdf: pikepdf.Pdf) -> None:
    """Raise UnreadablePdf for a page whose drawing is over 32 MB once unpacked, or cannot be unpacked."""
    sizes: dict[tuple[int, int], int] = {}
    for number, page in enumerate(pdf.pages, start=1):
        total = 0
        for stream in _drawing_streams(page.obj):
            if stream.objgen not in sizes:
                sizes[stream.objgen] = _decoded_size(stream, number)
            total += sizes[stream.objgen]
            if total > MAX_DECODED_BYTES:
                raise UnreadablePdf(_TOO_MUCH.format(page=number))


def _drawing_streams(page: Any) -> Iterator[Any]:
    """Yield each content stream of the page: its own, and those of forms, patterns, glyphs and annotations it uses."""
    seen: set[tuple[int, int]] = set()
    pending: list[Any] = [*dictionaries(entry(page, "/Contents"))]
    pending += _used(inherited(page, "/Resources"))
    for annotation in dictionaries(entry(page, "/Annots")):
        for appearance in values(entry(annotation, "/AP")):
            pending += [appearance, *values(appearance)]
    while pending:
        stream = pending.pop()
        if not isinstance(stream, pikepdf.Stream) or stream.objgen in seen:
            continue
        seen.add(stream.objgen)
        if entry(stream, "/Subtype") != Name.Image:
            yield stream
            pending += _used(entry(stream, "/Resources"))


def _used(resources: Any) -> list[Any]:
    """Return the streams that these resources name."""
    used = values(entry(resources, "/XObject")) + values(entry(resources, "/Pattern"))
    for font in values(entry(resources, "/Font")):
        used += values(entry(font, "/CharProcs"))
    return used


def _decoded_size(stream: Any, page: int) -> int:
    try:
        return len(stream.read_bytes())
    except (pikepdf.PdfError, MemoryError) as error:
        raise UnreadablePdf(_TOO_MUCH.format(page=page)) from error
