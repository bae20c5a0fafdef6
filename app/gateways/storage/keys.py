"""The names of stored files, the same for every kind of storage."""

import re

#: A part of a key; it cannot start with a dot, which keeps `..` out and temporary names apart.
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


def parts_of(key: str) -> list[str]:
    """Return the parts of a key such as `renders/<id>/<sha256>.pdf`.

    Raises ValueError for one that is no relative path of plain names.
    """
    parts = key.split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        raise ValueError("A storage key must be a relative path of plain names.")
    return parts
