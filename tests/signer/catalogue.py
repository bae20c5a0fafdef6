"""What the signing service says to people: every text in its code, templates and catalogues."""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from app.signer.languages import TRANSLATIONS, Language

SIGNER = TRANSLATIONS.parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS = {"templates/**.html": {"silent": "false"}}
KEYWORDS = {"_": None, "tell": None, "gettext": None, "ngettext": (1, 2)}


def texts_in_use() -> set[str | tuple[str, str]]:
    """Return the English texts: one, or singular and plural."""
    found = extract_from_dir(
        SIGNER, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS, directory_filter=lambda _: True
    )
    return {message for _, _, message, _, _ in found}


def read_catalogue(language: Language, folder: Path = TRANSLATIONS) -> Catalog:
    with (folder / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language.value)
