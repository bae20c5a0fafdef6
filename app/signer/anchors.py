"""Turns anchors into fields where their texts really stand (provider fact sheet, section 2.4)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.domain.ports import Box, PageSize
from app.pdf.sandbox import Sandbox
from app.signer.intake import InvalidEnvelope, NewAnchor, NewField

#: Percent of the page, (width, height), for an anchor that comes without; any other type has the last.
DEFAULT_SIZES = {
    "signature": (25.0, 5.0),
    "initial": (10.0, 5.0),
    "checkbox": (3.0, 3.0),
    "radio_buttons": (3.0, 3.0),
}
DEFAULT_SIZE = (20.0, 3.0)


@dataclass(frozen=True, kw_only=True)
class PlacedAnchors:
    """The fields that anchors became, and the places of texts that the signed document shall not show."""

    fields: tuple[NewField, ...]
    hidden: tuple[Box, ...]


@dataclass(frozen=True)
class _Search:
    """Texts that are searched in one pass share these."""

    case_sensitive: bool
    whole_word: bool


def place_anchors(
    sandbox: Sandbox, document: bytes, anchors: Sequence[NewAnchor], pages: Sequence[PageSize]
) -> PlacedAnchors:
    """Find every anchor; raise InvalidEnvelope naming those that are nowhere and may not be ignored.

    A field's top-left corner is that of the text, moved by the offsets and kept on the page.
    """
    found = _find(sandbox, document, anchors)
    missing = [
        f"anchor_tags.{index}: The anchor {anchor.text!r} was not found in the document."
        for index, anchor in enumerate(anchors)
        if not found[index] and not anchor.ignore_if_absent
    ]
    if missing:
        raise InvalidEnvelope(missing)
    fields = [_place(anchor, box, pages[box.page - 1]) for anchor, box in _pairs(anchors, found)]
    hidden = {box: None for anchor, box in _pairs(anchors, found) if anchor.remove_text}
    return PlacedAnchors(fields=tuple(fields), hidden=tuple(hidden))


def _pairs(anchors: Sequence[NewAnchor], found: Sequence[Sequence[Box]]) -> Iterator[tuple[NewAnchor, Box]]:
    return ((anchor, box) for anchor, boxes in zip(anchors, found, strict=True) for box in boxes)


def _find(sandbox: Sandbox, document: bytes, anchors: Sequence[NewAnchor]) -> list[list[Box]]:
    """Return the wanted places of each anchor: all of them, or only the n-th."""
    texts: dict[_Search, set[str]] = defaultdict(set)
    for anchor in anchors:
        texts[_Search(anchor.case_sensitive, anchor.whole_word)].add(anchor.text)
    places = {
        search: sandbox.call(
            "app.pdf.text:locate",
            content=document,
            texts=sorted(wanted),
            ignore_case=not search.case_sensitive,
            whole_words=search.whole_word,
        )
        for search, wanted in texts.items()
    }
    found = []
    for anchor in anchors:
        matches = places[_Search(anchor.case_sensitive, anchor.whole_word)][anchor.text]
        wanted = matches if anchor.occurrence == 0 else matches[anchor.occurrence - 1 : anchor.occurrence]
        found.append([_box(*match) for match in wanted])
    return found


def _box(page: int, x: float, y: float, width: float, height: float) -> Box:
    return Box(page=page, x=x, y=y, width=width, height=height)


def _place(anchor: NewAnchor, match: Box, page: PageSize) -> NewField:
    default_width, default_height = DEFAULT_SIZES.get(anchor.traits.type, DEFAULT_SIZE)
    width, height = anchor.width or default_width, anchor.height or default_height
    x_offset, y_offset = anchor.x_offset, anchor.y_offset
    if anchor.offset_in_points:
        x_offset, y_offset = 100 * x_offset / page.width, 100 * y_offset / page.height
    return NewField(
        traits=anchor.traits,
        page=match.page,
        x=min(max(match.x + x_offset, 0.0), 100.0 - width),
        y=min(max(match.y + y_offset, 0.0), 100.0 - height),
        width=width,
        height=height,
    )
