"""The bundled typefaces: loaded once per process, shaped with HarfBuzz, embedded as subsets."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

import uharfbuzz as hb
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

_FOLDER = Path(__file__).parent / "fonts"

#: Found on the machine, not bundled (16 MB): Debian's fonts-noto-cjk.
_SYSTEM_CJK = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")

#: Later faces stand in for what earlier ones lack.
_FALLBACKS = (
    _FOLDER / "NotoSansHebrew-Regular.ttf",
    _FOLDER / "NotoSansArabic-Regular.ttf",
    _FOLDER / "NotoSansDevanagari-Regular.ttf",
    _FOLDER / "NotoSansSymbols2-Subset.ttf",
    _SYSTEM_CJK,
)

#: Stands for a character that no face has; the symbols face has it.
MISSING = "\N{WHITE SQUARE}"

_UNEMBEDDED_TABLES = (b"GSUB", b"GPOS", b"GDEF", b"kern", b"name", b"OS/2", b"cmap", b"post")
_TAG_LETTERS = "ABCDEFGHIJKLMNOP"
_CMAP_CHUNK = 100  # entries per bfchar section, the limit of the CMap format (ISO 32000-1, 9.10.3)


class Style(StrEnum):
    """How a text looks."""

    REGULAR = "regular"
    BOLD = "bold"
    ITALIC = "italic"
    SCRIPT = "script"


_FIRST = {
    Style.REGULAR: _FOLDER / "NotoSans-Regular.ttf",
    Style.BOLD: _FOLDER / "NotoSans-Bold.ttf",
    Style.ITALIC: _FOLDER / "NotoSerif-Italic.ttf",
    Style.SCRIPT: _FOLDER / "DancingScript-Regular.otf",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Typeface:
    """One font file. Every measure is in thousandths of the font size."""

    name: str
    face: hb.Face
    font: hb.Font
    coverage: frozenset[int]
    ascent: float
    descent: float
    per_unit: float

    def covers(self, text: str) -> bool:
        """Tell whether each character has a glyph of its own here."""
        return all(ord(character) in self.coverage for character in text)

    def width(self, glyph: int) -> float:
        """Return the advance that the font file gives the glyph."""
        return float(self.font.get_glyph_h_advance(glyph)) * self.per_unit


@cache
def load(path: Path) -> Typeface:
    """Open a font file, once per process."""
    face = hb.Face(hb.Blob.from_file_path(str(path)))
    font = hb.Font(face)
    per_unit = 1000 / face.upem
    extents = font.get_font_extents("ltr")
    return Typeface(
        name=path.stem.replace("-", ""),
        face=face,
        font=font,
        coverage=frozenset(face.unicodes),
        ascent=extents.ascender * per_unit,
        descent=-extents.descender * per_unit,
        per_unit=per_unit,
    )


@cache
def has_system_cjk() -> bool:
    """Tell whether Chinese, Japanese and Korean can be shown (Debian: fonts-noto-cjk)."""
    return _SYSTEM_CJK.exists()


def first_choice(style: Style) -> Typeface:
    """Return the face that a style is set in as far as it reaches."""
    return load(_FIRST[style])


@lru_cache(maxsize=4096)
def find(character: str, style: Style) -> Typeface | None:
    """Return the first face that has the character. Fallback files are opened only when they are asked."""
    for path in (_FIRST[style], _FIRST[Style.REGULAR], *_FALLBACKS):
        if path == _SYSTEM_CJK and not has_system_cjk():
            continue
        if ord(character) in load(path).coverage:
            return load(path)
    return None


def embed(pdf: Pdf, typeface: Typeface, texts: Mapping[int, str]) -> Dictionary:
    """Return a composite font with only these glyphs; `texts` says what each glyph stands for when copied.

    Codes are two bytes and equal the glyph numbers of the original file (Identity-H; ISO 32000-1, 9.7.4).
    """
    subset = _subset(typeface, texts)
    is_compact = "CFF " in subset.table_tags
    name = Name(f"/{_tag(typeface, texts)}+{typeface.name}")
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=name,
        Flags=4,  # symbolic: glyphs are chosen by number, not by a standard encoding
        FontBBox=Array([-1000, -round(typeface.descent), 3000, round(typeface.ascent)]),
        ItalicAngle=0,
        Ascent=round(typeface.ascent),
        Descent=-round(typeface.descent),
        CapHeight=round(typeface.ascent),
        StemV=80,
    )
    if is_compact:
        program = Stream(pdf, subset.reference_table("CFF ").data, Subtype=Name.CIDFontType0C)
        descriptor.FontFile3 = pdf.make_indirect(program)
    else:
        program = Stream(pdf, subset.blob.data, Length1=len(subset.blob.data))
        descriptor.FontFile2 = pdf.make_indirect(program)
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType0 if is_compact else Name.CIDFontType2,
        BaseFont=name,
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        W=_widths(typeface, texts),
    )
    if not is_compact:
        descendant.CIDToGIDMap = Name.Identity
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=name,
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([pdf.make_indirect(descendant)]),
        ToUnicode=pdf.make_indirect(Stream(pdf, _to_unicode(texts))),
    )


def _subset(typeface: Typeface, texts: Mapping[int, str]) -> hb.Face:
    wanted = hb.SubsetInput()
    wanted.glyph_set.update(texts)
    wanted.flags = (
        hb.SubsetFlags.RETAIN_GIDS
        | hb.SubsetFlags.NOTDEF_OUTLINE
        | hb.SubsetFlags.NO_LAYOUT_CLOSURE
        | hb.SubsetFlags.CFF_IDENTITY_CHARSET
    )
    # A PDF font needs outlines and metrics only; shaping is done.
    wanted.drop_table_tag_set.update(int.from_bytes(tag, "big") for tag in _UNEMBEDDED_TABLES)
    return hb.subset(typeface.face, wanted)


def _tag(typeface: Typeface, texts: Mapping[int, str]) -> str:
    """Return the six letters that tell subsets of one font apart; equal subsets get equal letters."""
    digest = hashlib.sha256(f"{typeface.name} {sorted(texts)}".encode()).digest()
    return "".join(_TAG_LETTERS[byte % len(_TAG_LETTERS)] for byte in digest[:6])


def _widths(typeface: Typeface, texts: Mapping[int, str]) -> Array:
    widths: list[Object | int | float] = []
    for glyph in sorted(texts):
        widths += [glyph, Array([round(typeface.width(glyph), 3)])]
    return Array(widths)


def _to_unicode(texts: Mapping[int, str]) -> bytes:
    named = [(glyph, text) for glyph, text in sorted(texts.items()) if text]
    lines = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
    ]
    for start in range(0, len(named), _CMAP_CHUNK):
        chunk = named[start : start + _CMAP_CHUNK]
        lines.append(f"{len(chunk)} beginbfchar")
        lines += [f"<{glyph:04X}> <{text.encode('utf-16-be').hex().upper()}>" for glyph, text in chunk]
        lines.append("endbfchar")
    lines.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    return "\n".join(lines).encode("ascii")
