"""JSON from outside, read strictly (RFC 8259)."""

import json
from typing import Any, NoReturn


def parse(content: bytes) -> Any:
    """Return what a body says: UTF-8 without a byte order mark, no member twice, no NaN, no Infinity.

    Raises ValueError for anything else, integers of absurd length and bottomless nesting among it.
    """
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
