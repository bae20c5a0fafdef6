"""What text from outside may hold, alone and in JSON."""

import json
import re
import unicodedata
from typing import Any

from app.domain import strict_json

#: C0, C1, the line and paragraph separators.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Letters and signs that show nothing: fillers of Hangul syllables, the Braille cell without a dot.
_EMPTY = frozenset("\u115f\u1160\u3164\uffa0\u2800")
#: The escape of half a character; most bodies hold none, so the costly check is rare.
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def holds_control(text: str) -> bool:
    """Say whether the text holds characters that no single line of text has."""
    return _CONTROL.search(text) is not None


def is_blank(text: str) -> bool:
    """Say whether nothing of the text would be seen on paper."""
    return all(character in _EMPTY or unicodedata.category(character)[0] in "CMZ" for character in text)


def read_json(raw: bytes) -> Any:
    """Return what a JSON body says; raise ValueError when it is not strictly JSON, or holds half a character."""
    value = strict_json.parse(raw)
    if _SURROGATE_ESCAPE.search(raw):
        json.dumps(value, ensure_ascii=False).encode()
    return value
