"""Which way text runs: what stands where on a line of mixed directions (Unicode annex 9)."""

import re
from collections.abc import Iterator
from itertools import groupby

from fpdf.bidi import BidiParagraph, auto_detect_base_direction
from fpdf.enums import TextDirection

#: Letters, digits and marks of the scripts that run from right to left. Where there are none, nothing is turned.
_FROM_THE_RIGHT = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)

#: Longer lines are laid out in pieces, at spaces where there are any: the algorithm nests as deep as signs follow on
#: each other, and takes time with the square of that. On paper no line is so long.
_PIECE = re.compile(r".{1,300}(?=\s|$)|.{1,300}", re.DOTALL)


def begins_at_right(paragraph: str) -> bool:
    """Tell on which side a paragraph begins: that of its first letter."""
    return auto_detect_base_direction(paragraph) is TextDirection.RTL


def in_visual_order(text: str, *, right_to_left: bool) -> Iterator[tuple[str, str]]:
    """Yield pieces of one direction, `ltr` or `rtl`, from left to right, each in reading order (rule L2)."""
    if not right_to_left and not _FROM_THE_RIGHT.search(text):
        yield text, "ltr"
        return
    base = TextDirection.RTL if right_to_left else TextDirection.LTR
    pieces = _PIECE.findall(text)
    for piece in reversed(pieces) if right_to_left else pieces:
        ordered = BidiParagraph(piece, base_direction=base, preserve_bn_chars=True).get_reordered_characters()
        for level, members in groupby(ordered, key=lambda member: member.embedding_level):
            level_text = "".join(member.character for member in members)
            yield (level_text[::-1], "rtl") if level % 2 else (level_text, "ltr")
