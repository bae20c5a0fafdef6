"""What text from outside may hold, and JSON read strictly: no duplicate keys, NaN or halves of characters."""

import json
import re
from typing import Any

#: C0, C1, the line and paragraph separators.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: The escape of half a character; most bodies hold none, so the costly check is rare.
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def holds_control(text: str) -> bool:
    """Say whether the text holds characters that no single line of text has."""
    return _CONTROL.search(text) is not None


def read_json(raw: bytes) -> Any:
    """Return what a JSON body says; raise ValueError when it is not strictly JSON in UTF-8."""
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
        if _SURROGATE_ESCAPE.search(raw):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key occurs twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
