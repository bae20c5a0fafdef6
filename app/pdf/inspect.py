"""Decides whether a PDF can be signed faithfully (contract section 3). Child process only."""

from itertools import chain
from typing import Any

import pikepdf
from pikepdf import Name

from app.domain.errors import UnreadablePdf
from app.pdf.active_content import refuse_active_content
from app.pdf.boxes import inherited, usable_frame_of
from app.pdf.content_size import refuse_oversized_pages
from app.pdf.documents import UNREADABLE, displayed, normalised, opened
from app.pdf.geometry import displayed_size
from app.pdf.objects import dictionaries, entry

MAX_PAGES = 500
#: Viewers look for the header in the first 1024 bytes (ISO 32000-1, annex H, implementation note 13).
_HEADER_WITHIN = 1024
_NO_PAGE = "The PDF has no page."


def inspect(content: bytes) -> dict[str, Any]:
    """Return {"pages": [[width, height], ...]}, the pages as displayed in points, or raise UnreadablePdf."""
    _refuse_other_formats(content)
    with opened(content) as pdf:
        _refuse_page_count(pdf)
        _refuse_signed(pdf)
        clear = normalised(pdf)
        refuse_active_content(pdf, clear)
        sizes = [displayed_size(usable_frame_of(pdf, number)) for number in range(1, len(pdf.pages) + 1)]
        refuse_oversized_pages(pdf)
    _refuse_undisplayable(clear, len(sizes))
    return {"pages": [[size.width, size.height] for size in sizes]}


def count_pages(content: bytes) -> int:
    """Return how many pages a PDF has that need not be signable (a sealed one, say); raise UnreadablePdf."""
    _refuse_other_formats(content)
    with opened(content, only_to_read=True) as pdf:
        if len(pdf.pages) == 0:
            raise UnreadablePdf(_NO_PAGE)
        return len(pdf.pages)


def _refuse_other_formats(content: bytes) -> None:
    if not content:
        raise UnreadablePdf("The file is empty.")
    if b"%PDF-" not in content[:_HEADER_WITHIN]:
        raise UnreadablePdf("The file is not a PDF.")


def _refuse_page_count(pdf: pikepdf.Pdf) -> None:
    if len(pdf.pages) == 0:
        raise UnreadablePdf(_NO_PAGE)
    if len(pdf.pages) > MAX_PAGES:
        raise UnreadablePdf(f"The PDF has {len(pdf.pages)} pages; at most {MAX_PAGES} are allowed.")


def _refuse_signed(pdf: pikepdf.Pdf) -> None:
    """Refuse what a stamp would break; a field that still waits for its signature is fine."""
    fields = dictionaries(entry(pdf.Root, "/AcroForm", "/Fields"), "/Kids")
    widgets = (widget for page in pdf.pages for widget in dictionaries(entry(page.obj, "/Annots")))
    is_signed = any(
        inherited(field, "/FT") == Name.Sig and inherited(field, "/V") is not None for field in chain(fields, widgets)
    )
    if is_signed or entry(pdf.Root, "/Perms", "/DocMDP") is not None:
        raise UnreadablePdf("The PDF is already digitally signed; a change would break that signature.")


def _refuse_undisplayable(clear: bytes, pages: int) -> None:
    """Let PDFium read every page once, so that an odd page fails now and not when somebody signs."""
    with displayed(clear) as document:
        if len(document) != pages:
            raise UnreadablePdf(UNREADABLE)
        for index in range(pages):
            document[index].close()
