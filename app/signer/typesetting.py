"""Text to lines of positioned glyphs: bidirectional order, fallback faces, shaping, wrapping, fitting into a box."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import uharfbuzz as hb

from app.signer import typefaces
from app.signer.bidi import begins_at_right, in_visual_order
from app.signer.typefaces import Style, Typeface

#: Halvings of the interval in which the best font size is searched; what is left, two in a hundred, nobody sees.
_FIT_STEPS = 6

#: A line's width is the sum of its words' up to this: next to another script a space may be a little wider.
_SLACK = 1.005

#: Controls that turn or nest the direction of text. In a name they could only serve to disguise it, so they are left
#: out; the marks that real texts use (U+200E, U+200F, U+061C) stay.
_DIRECTION_CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])

#: Ask for a variant of the character before them, or join it to the next; without a variant they show nothing.
_SELECTORS = frozenset("\N{COMBINING GRAPHEME JOINER}") | {
    chr(code) for code in (*range(0x180B, 0x180E), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}

#: Where a line may end: after spaces and hyphens, and beside each ideograph.
_WORD = re.compile(r"\s*-*[^\s\-\u2E80-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\uFF00-\uFFEF]+-*|\s*\S")


@dataclass(frozen=True, kw_only=True)
class Glyph:
    """A glyph in its place; measures in thousandths of the font size. `text` is what it stands for, or nothing."""

    number: int
    advance: float
    x_offset: float
    y_offset: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """Neighbouring glyphs of one typeface, from left to right."""

    typeface: Typeface
    glyphs: tuple[Glyph, ...]
    text: str

    @property
    def width(self) -> float:
        """How far the run reaches."""
        return sum(glyph.advance for glyph in self.glyphs)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line, shaped; measures in thousandths of the font size."""

    runs: tuple[Run, ...]
    width: float
    ascent: float
    descent: float
    is_right_to_left: bool
    missing: tuple[str, ...] = ()

    @property
    def height(self) -> float:
        """How much room the line takes from top to bottom."""
        return self.ascent + self.descent


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Lines at the font size at which they fit."""

    lines: tuple[Line, ...] = field(default=())
    size: float

    @property
    def width(self) -> float:
        """The widest line, in units of the page."""
        return max((line.width for line in self.lines), default=0) * self.size / 1000

    @property
    def height(self) -> float:
        """All lines together, in units of the page."""
        return sum(line.height for line in self.lines) * self.size / 1000

    @property
    def missing(self) -> tuple[str, ...]:
        """Characters that no typeface has, each once, in order of appearance."""
        return tuple(dict.fromkeys(character for line in self.lines for character in line.missing))


def clean(text: str) -> str:
    """Return the text composed, with line ends as newlines, tabs as spaces and without direction overrides."""
    text = "\n".join(text.splitlines()).replace("\t", " ")
    return unicodedata.normalize("NFC", text.translate(_DIRECTION_CONTROLS))


@lru_cache(maxsize=2048)
def shape(text: str, style: Style = Style.REGULAR, *, right_to_left: bool | None = None) -> Line:
    """Lay one line out, from the side that is told or that its first letter says.

    A character that no typeface has becomes a box and is named in `missing`.
    """
    text = clean(text).replace("\n", " ")
    if style is Style.SCRIPT:
        style = _for_signature(text)
    if right_to_left is None:
        right_to_left = begins_at_right(text)
    missing: list[str] = []
    runs = [
        _shape_run(typeface, piece, direction)
        for level_text, direction in in_visual_order(text, right_to_left=right_to_left)
        for typeface, piece in _turned(_by_typeface(level_text, style, missing), direction)
    ]
    faces = [run.typeface for run in runs] or [typefaces.first_choice(style)]
    return Line(
        runs=tuple(runs),
        width=sum(run.width for run in runs),
        ascent=max(face.ascent for face in faces),
        descent=max(face.descent for face in faces),
        is_right_to_left=right_to_left,
        missing=tuple(dict.fromkeys(missing)),
    )


def wrap(text: str, width: float, style: Style = Style.REGULAR) -> tuple[Line, ...]:
    """Break the text into lines at most `width` thousandths of the font size wide; a word too long is cut in two."""
    return tuple(
        shape(line, style, right_to_left=begins_at_right(paragraph))
        for paragraph in clean(text).split("\n")
        for line in _break(paragraph, width, style)
    )


def fit_line(text: str, width: float, height: float, *, largest: float, style: Style = Style.REGULAR) -> Setting:
    """Set one line as large as the box allows, at most `largest` points."""
    line = shape(text, style)
    return Setting(lines=(line,), size=min(largest, height * 1000 / line.height, width * 1000 / max(line.width, 1)))


def fit_block(text: str, width: float, height: float, *, largest: float) -> Setting:
    """Set wrapped lines as large as the box allows, at most `largest` points; however long, nothing is cut off."""

    def at(size: float) -> Setting:
        return Setting(lines=wrap(text, width * 1000 / size), size=size)

    def fits(setting: Setting) -> bool:
        return setting.height <= height and setting.width <= width * _SLACK

    best = at(largest)
    if fits(best):
        return best
    too_large, size = largest, largest
    while not fits(best):
        too_large, size = size, size / 2
        best = at(size)
    for _ in range(_FIT_STEPS):
        middle = (size + too_large) / 2
        candidate = at(middle)
        if fits(candidate):
            size, best = middle, candidate
        else:
            too_large = middle
    return best


def _for_signature(text: str) -> Style:
    """Choose one face for the whole signature, the most flowing that has all of it; a mix looks like a mistake."""
    flowing = (style for style in (Style.SCRIPT, Style.ITALIC) if typefaces.first_choice(style).covers(text))
    return next(flowing, Style.REGULAR)


def _break(paragraph: str, width: float, style: Style) -> Iterator[str]:
    line, used = "", 0.0
    for word, advance in _measured(_WORD.findall, paragraph, style):
        if line and used + advance > width:
            yield line
            line, used = "", 0.0
            if word[0].isspace():
                word = word.lstrip()  # noqa: PLW2901 (the space stays at the end of the line before)
                advance = shape(word, style).width  # noqa: PLW2901 (without it)
        if not line and advance > width:
            *full, line = _cut(word, width, style)
            yield from full
            used = shape(line, style).width
        else:
            line, used = line + word, used + advance
    yield line


def _cut(word: str, width: float, style: Style) -> list[str]:
    """Cut a word too wide for a line in pieces, none between a character and its marks."""
    pieces, piece, used = [], "", 0.0
    for unit, advance in _measured(_clusters, word, style):
        if piece and used + advance > width:
            pieces.append(piece)
            piece, used = "", 0.0
        piece, used = piece + unit, used + advance
    return [*pieces, piece]


@lru_cache(maxsize=256)
def _measured(parts: Callable[[str], list[str]], text: str, style: Style) -> tuple[tuple[str, float], ...]:
    """Return the parts of a text with their widths, which no font size changes."""
    return tuple((part, shape(part, style).width) for part in parts(text))


def _clusters(word: str) -> list[str]:
    units: list[str] = []
    for character in word:
        if units and (_is_mark(character) or units[-1].endswith("\N{ZERO WIDTH JOINER}")):
            units[-1] += character
        else:
            units.append(character)
    return units


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def _by_typeface(text: str, style: Style, missing: list[str]) -> list[tuple[Typeface, str]]:
    """Split into pieces that one typeface can show, with as few changes of face as possible."""
    pieces: list[tuple[Typeface, str]] = []
    for index, character in enumerate(text):
        last = pieces[-1][0] if pieces else None
        # A space is of its word's typeface: then the word is as wide by itself as in a line.
        following = text[index:].lstrip()[:1] if character.isspace() else ""
        near = typefaces.find(following, style) if following else last
        shown = character
        if near and (
            character in _SELECTORS
            or (ord(character) in near.coverage and (_is_mark(character) or character.isspace()))
        ):
            face: Typeface | None = near
        else:
            face = typefaces.find(character, style)
        if face is None and (character in _SELECTORS or unicodedata.category(character) == "Cf"):
            continue  # selectors, joiners, direction marks: invisible anyway
        if face is None:
            missing.append(character)
            shown, face = typefaces.MISSING, typefaces.find(typefaces.MISSING, style)
            assert face is not None, "the bundled symbols face has the box"  # noqa: S101 (a broken installation)
        if face is last:
            pieces[-1] = (face, pieces[-1][1] + shown)
        else:
            pieces.append((face, shown))
    return pieces


def _turned(pieces: list[tuple[Typeface, str]], direction: str) -> list[tuple[Typeface, str]]:
    return pieces[::-1] if direction == "rtl" else pieces


def _shape_run(typeface: Typeface, text: str, direction: str) -> Run:
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = direction
    buffer.cluster_level = hb.BufferClusterLevel.MONOTONE_CHARACTERS
    hb.shape(typeface.font, buffer)
    starts = sorted({info.cluster for info in buffer.glyph_infos})
    texts = {start: text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)}
    scale = typeface.per_unit
    return Run(
        typeface=typeface,
        text=text,
        glyphs=tuple(
            Glyph(
                number=info.codepoint,
                advance=place.x_advance * scale,
                x_offset=place.x_offset * scale,
                y_offset=place.y_offset * scale,
                text=texts.pop(info.cluster, ""),
            )
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
        ),
    )
