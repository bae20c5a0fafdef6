"""Walks through PDF objects that may be anything at all, in circles included. Child process only."""

from collections.abc import Iterator
from typing import Any

import pikepdf


def entry(holder: Any, *path: str) -> Any:
    """Return what stands under these keys, None as soon as one is missing or its holder has no entries."""
    for key in path:
        if not isinstance(holder, pikepdf.Dictionary | pikepdf.Stream):
            return None
        holder = holder.get(key)
    return holder


def dictionaries(start: Any, *links: str) -> Iterator[Any]:
    """Yield the dictionaries found at `start` and, following these links, from there; each once, in document order.

    A link leads to a dictionary or to an array of them.
    """
    pending = [start]
    seen: set[tuple[int, int]] = set()
    while pending:
        value = pending.pop()
        if not isinstance(value, pikepdf.Dictionary | pikepdf.Stream | pikepdf.Array):
            continue
        if value.is_indirect:
            if value.objgen in seen:
                continue
            seen.add(value.objgen)
        if isinstance(value, pikepdf.Array):
            pending.extend(reversed(list(value)))
            continue
        yield value
        pending.extend(entry(value, link) for link in reversed(links))


def values(holder: Any) -> list[Any]:
    """Return all values of a dictionary or of a stream's dictionary, none for anything else."""
    if isinstance(holder, pikepdf.Stream):
        holder = holder.stream_dict
    return list(holder.as_dict().values()) if isinstance(holder, pikepdf.Dictionary) else []
