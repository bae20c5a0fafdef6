"""The languages in which people are spoken to.

The English texts stand in the code and the templates; they are the keys of one catalogue for each other language,
`translations/<language>.po`, which is read at the start, so that nothing has to be compiled.
"""

import gettext
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

TRANSLATIONS = Path(__file__).parent / "translations"


class Language(StrEnum):
    """A language that the service speaks."""

    ENGLISH = "en"
    GERMAN = "de"


_KNOWN = {language.value: language for language in Language}

_spoken: ContextVar[Language] = ContextVar("spoken", default=Language.ENGLISH)


def choose(wishes: Iterable[tuple[str, float]]) -> Language:
    """Return the first language that we speak of those wished for, best first, each with its quality; else English.

    Regional wishes count for their language (RFC 4647 section 3.4): `de-AT` is German.
    """
    for tag, quality in wishes:
        primary = tag.partition("-")[0].lower()
        if quality > 0 and primary in _KNOWN:
            return _KNOWN[primary]
    return Language.ENGLISH


def spoken() -> Language:
    """Return the language of the person who is being answered or written to."""
    return _spoken.get()


def speak(language: Language) -> None:
    """Speak this language from now on in this context (a request's thread)."""
    _spoken.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak this language for a while."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def translate(text: str) -> str:
    """Return the text in the spoken language, its `%(names)s` not filled in yet."""
    return _catalogue(spoken()).gettext(text)


def translate_plural(singular: str, plural: str, count: int) -> str:
    """Return the text for that number in the spoken language, its `%(names)s` not filled in yet."""
    return _catalogue(spoken()).ngettext(singular, plural, count)


def tell(text: str, **values: object) -> str:
    """Return the text in the spoken language, with its `%(names)s` filled in."""
    return translate(text) % values if values else translate(text)


def moment(at: datetime) -> str:
    """Return a time in words of the spoken language; `at` is UTC, and the words say so."""
    # The pattern of Unicode TR 35: each language has its own order and its own dots.
    return format_datetime(at, tell("d MMMM y, HH:mm 'UTC'"), locale=spoken().value)


@cache
def _catalogue(language: Language) -> gettext.NullTranslations:
    if language is Language.ENGLISH:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with (TRANSLATIONS / f"{language}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language.value))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
