"""Turns form fields and annotations into plain page content, so that what was signed can no longer change."""

from pikepdf import Array, Dictionary, Name, Page, Pdf, Stream

from app.pdf.objects import entry, values
from app.signer.canvas import Fonts
from app.signer.form_values import annotations, draw_values

#: Annotations that play, open or contain something; the others are drawn or may stay.
_ACTIVE = tuple(
    Name(name)
    for name in ("/Widget", "/Popup", "/Screen", "/Movie", "/Sound", "/RichMedia", "/3D", "/FileAttachment", "/TrapNet")
)
_HARMLESS_ACTIONS = (Name.URI, Name.GoTo, Name.Named)


def flatten(pdf: Pdf, fonts: Fonts) -> None:
    """Draw every field and annotation into its page as seen on screen, then drop forms and everything that runs."""
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, Dictionary):
        draw_values(pdf, fonts, form)
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


def _drop_active_parts(page: Page) -> None:
    if "/AA" in page.obj:
        del page.obj["/AA"]
    kept = [annotation for annotation in annotations(page) if annotation.get("/Subtype") not in _ACTIVE]
    for annotation in kept:
        action = annotation.get("/A")
        if action is not None and not (isinstance(action, Dictionary) and action.get("/S") in _HARMLESS_ACTIONS):
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
    for annotation in annotations(page):
        picture = entry(annotation, "/AP", "/N")
        for stream in values(picture) if isinstance(picture, Dictionary) else [picture]:
            if isinstance(stream, Stream):
                stream.Subtype = Name.Form
