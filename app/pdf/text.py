"""Finds literal texts on the pages. Child process only."""

import ctypes
import re
from collections.abc import Iterator

import pypdfium2
from pypdfium2 import raw

from app.domain.ports import Box
from app.pdf.documents import displayed, normalised, opened

#: PDFium maps points to whole pixels; with so many across, a thousandth of a percent is the error.
_DEVICE = 100_000
_PER_PERCENT = _DEVICE / 100
#: Stand for white space that PDFium inferred from the layout: a gap between letters, or the end of a line.
#: Unicode promises that no text holds these (noncharacters).
_GAP, _LINE_END = "\ufdd0", "\ufdd1"
_INFERRED = f"[{_GAP}{_LINE_END}]"
#: What PDFium turns a hyphen at the end of a line into, together with that line end.
_LINE_HYPHENS = "\x02\ufffe"
_LAST_CODE_UNIT = 0xFFFF
_UNKNOWN = "\ufffd"


def locate(
    content: bytes, texts: list[str], *, ignore_case: bool = False, whole_words: bool = False
) -> dict[str, list[list[float]]]:
    """Return the places of each text as [page, x, y, width, height], in percent of the displayed page, top-left.

    In reading order. Case-sensitive and within words too, unless told otherwise. White space of any kind and amount
    equals any other. A text that is spaced out or wrapped counts; a wrapped one stands where its first part stands.
    Text outside the visible page does not count.
    """
    patterns = {
        text: _pattern(text, ignore_case=ignore_case, whole_words=whole_words) for text in texts if text.strip()
    }
    with opened(content) as pdf:
        clear = normalised(pdf)
    places: dict[str, list[list[float]]] = {text: [] for text in texts}
    with displayed(clear) as document:
        for index in range(len(document)):
            page = document[index]
            letters = _Letters(page)
            for text, pattern in patterns.items():
                boxes = [box for match in pattern.finditer(letters.text) if (box := letters.box(match, index + 1))]
                places[text] += [[box.page, box.x, box.y, box.width, box.height] for box in _reading_order(boxes)]
            letters.close()
            page.close()
    return places


def _pattern(text: str, *, ignore_case: bool, whole_words: bool) -> re.Pattern[str]:
    """Return a pattern for the text that allows inferred white space between any two of its characters.

    All repetitions are possessive: no page can make the search slow.
    """
    words = (f"{_INFERRED}*+".join(map(re.escape, _code_units(word))) for word in re.split(r"\s+", text))
    pattern = f"(?:\\s|{_INFERRED})++".join(words)
    if whole_words:
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return re.compile(pattern, re.IGNORECASE if ignore_case else re.NOFLAG)


def _code_units(text: str) -> list[str]:
    """Split a text as PDFium does: a character beyond U+FFFF becomes a pair of surrogates."""
    units = text.encode("utf-16-le", "surrogatepass")
    return [chr(int.from_bytes(units[index : index + 2], "little")) for index in range(0, len(units), 2)]


class _Letters:
    """The characters of a page in the order of PDFium, and where they stand."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._page = page
        self._letters = page.get_textpage()
        self._line_hyphens: set[int] = set()
        #: Exactly one character per character of PDFium.
        self.text = "".join(self._read())

    def close(self) -> None:
        self._letters.close()

    def box(self, match: re.Match[str], page: int) -> Box | None:
        """Return the visible part of what the first line of the match covers; None if nothing of it is visible."""
        indexes = self._first_line(match)
        corners = [corner for index in indexes for corner in self._corners(index)]
        x0, y0 = (max(0.0, min(corner[axis] for corner in corners)) for axis in (0, 1))
        x1, y1 = (min(100.0, max(corner[axis] for corner in corners)) for axis in (0, 1))
        return Box(page=page, x=x0, y=y0, width=x1 - x0, height=y1 - y0) if x0 < x1 and y0 < y1 else None

    def _read(self) -> Iterator[str]:
        for index in range(self._letters.count_chars()):
            code = raw.FPDFText_GetUnicode(self._letters, index)
            character = chr(code) if code <= _LAST_CODE_UNIT else _UNKNOWN
            if character.isspace() and raw.FPDFText_IsGenerated(self._letters, index) == 1:
                character = _LINE_END if character in "\r\n" else _GAP
            if character in _LINE_HYPHENS:
                self._line_hyphens.add(index)
                character = "-"
            yield character

    def _first_line(self, match: re.Match[str]) -> list[int]:
        """Return where the visible characters of the match are, up to the first line end after any of them."""
        line: list[int] = []
        for index in range(*match.span()):
            if self.text[index] not in (_GAP, _LINE_END):
                line.append(index)
            if line and (self.text[index] == _LINE_END or index in self._line_hyphens):
                break
        return line

    def _corners(self, index: int) -> Iterator[tuple[float, float]]:
        """Yield two opposite corners of a character in percent from the top-left of the displayed page."""
        left, bottom, right, top = self._letters.get_charbox(index, loose=True)
        x, y = ctypes.c_int(), ctypes.c_int()
        for corner in ((left, bottom), (right, top)):
            raw.FPDF_PageToDevice(self._page, 0, 0, _DEVICE, _DEVICE, 0, *corner, x, y)
            yield x.value / _PER_PERCENT, y.value / _PER_PERCENT


def _reading_order(boxes: list[Box]) -> list[Box]:
    """Sort from top to bottom and, among boxes whose middles are on one line, from left to right."""
    ordered: list[Box] = []
    line: list[Box] = []
    for box in sorted(boxes, key=lambda box: (box.y, box.x)):
        if line and box.y + box.height / 2 > line[0].y + line[0].height:
            ordered += sorted(line, key=lambda box: box.x)
            line = []
        line.append(box)
    return ordered + sorted(line, key=lambda box: box.x)
