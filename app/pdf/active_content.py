"""Finds what makes a document change or act by itself (contract section 3). Child process only."""

import io
from typing import Any

import pikepdf
from pikepdf import Name

from app.domain.errors import UnreadablePdf
from app.pdf.objects import dictionaries, entry, values

_XFA = "The PDF holds an XFA form, which other viewers show differently; save it as an ordinary PDF first."
_OPENING_SCRIPT = "The PDF runs JavaScript when it is opened; remove the script first."
_PAGE_SCRIPT = "The PDF runs JavaScript when page {page} is opened; remove the script first."
_LAUNCH = "The PDF holds an action that launches a program; remove it first."

#: Events of an annotation that follow the page and not the user: page opened, closed, visible, invisible.
_PAGE_EVENTS = ("/PO", "/PC", "/PV", "/PI")
#: What a Launch action starts (ISO 32000-1, table 203).
_LAUNCH_TARGETS = ("/F", "/Win", "/Mac", "/Unix")


def refuse_active_content(pdf: pikepdf.Pdf, clear: bytes) -> None:
    """Raise UnreadablePdf for XFA, for scripts that run by themselves and for Launch actions anywhere.

    `clear` are the document's normalised bytes. Scripts that serve a form field or a click are fine.
    """
    if entry(pdf.Root, "/AcroForm", "/XFA") is not None:
        raise UnreadablePdf(_XFA)
    if _document_runs_script(pdf):
        raise UnreadablePdf(_OPENING_SCRIPT)
    for number, page in enumerate(pdf.pages, start=1):
        if _page_runs_script(page.obj):
            raise UnreadablePdf(_PAGE_SCRIPT.format(page=number))
    if _launches(clear):
        raise UnreadablePdf(_LAUNCH)


def _document_runs_script(pdf: pikepdf.Pdf) -> bool:
    named = dictionaries(entry(pdf.Root, "/Names", "/JavaScript"), "/Kids")
    if any(list(dictionaries(entry(node, "/Names"))) for node in named):
        return True
    return any(_runs_script(action) for action in [entry(pdf.Root, "/OpenAction"), *values(entry(pdf.Root, "/AA"))])


def _page_runs_script(page: Any) -> bool:
    actions = values(entry(page, "/AA"))
    for annotation in dictionaries(entry(page, "/Annots")):
        actions.extend(entry(annotation, "/AA", event) for event in _PAGE_EVENTS)
    return any(_runs_script(action) for action in actions)


def _runs_script(start: Any) -> bool:
    """Tell whether this action or one that follows it is a script; a Rendition action may carry one, too."""
    return any(
        entry(action, "/S") == Name.JavaScript or entry(action, "/JS") is not None
        for action in dictionaries(start, "/Next")
    )


def _launches(clear: bytes) -> bool:
    """Look at every object, as there are many places to hide an action; but only if the name occurs at all."""
    if b"/Launch" not in clear:
        return False
    with pikepdf.open(io.BytesIO(clear)) as pdf:
        return any(_holds_launch(item) for item in pdf.objects)


def _holds_launch(item: Any) -> bool:
    """Look into an object and the direct objects in it; the others get their own turn."""
    pending = [item]
    while pending:
        value = pending.pop()
        if entry(value, "/S") == Name.Launch and not _is_structure(value):
            return True
        children = list(value) if isinstance(value, pikepdf.Array) else values(value)
        pending.extend(child for child in children if isinstance(child, pikepdf.Object) and not child.is_indirect)
    return False


def _is_structure(value: Any) -> bool:
    """Tell a structure element, which may be called anything, by its parent and by having nothing to launch."""
    return entry(value, "/P") is not None and all(entry(value, key) is None for key in _LAUNCH_TARGETS)
