"""Draws on one sheet of a PDF, in the sheet's own units: text, lines, rectangles, images."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream
from PIL import Image

from app.signer import typefaces
from app.signer.images import open_image
from app.signer.typesetting import Line, Run, Setting

Colour = tuple[float, float, float]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (1, 1, 1)

#: Thousandths of the font size below which a shift cannot be seen.
_VISIBLE = 0.01


class Box(NamedTuple):
    """A rectangle; (x, y) is its lower left corner."""

    x: float
    y: float
    width: float
    height: float


class Fonts:
    """The typefaces that a PDF uses, and which of their glyphs; they are embedded once, at the end."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._objects: dict[typefaces.Typeface, Object] = {}
        self._texts: dict[typefaces.Typeface, dict[int, str]] = {}

    def use(self, run: Run) -> Object:
        """Note the run's glyphs and return its font, which `embed` fills."""
        typeface = run.typeface
        if typeface not in self._objects:
            self._objects[typeface] = self._pdf.make_indirect(Dictionary())
            self._texts[typeface] = {}
        texts = self._texts[typeface]
        for glyph in run.glyphs:
            texts[glyph.number] = texts.get(glyph.number) or glyph.text
        return self._objects[typeface]

    def copies_faithfully(self, run: Run) -> bool:
        """Tell whether a reader that copies the glyphs one by one gets the text (a glyph can mean only one thing)."""
        texts = self._texts[run.typeface]
        return all(glyph.text and texts[glyph.number] == glyph.text for glyph in run.glyphs)

    def embed(self) -> None:
        """Write the subsets; call once, when everything is drawn."""
        for typeface, font in self._objects.items():
            for key, value in typefaces.embed(self._pdf, typeface, self._texts[typeface]).items():
                font[key] = value


class Picture(NamedTuple):
    """A picture that a PDF holds once, however often it is placed."""

    stream: Object
    width: int
    height: int


def embed_picture(pdf: Pdf, content: bytes) -> Picture:
    """Put a PNG into the PDF; raise UnreadablePdf when it is none."""
    picture = open_image(content)
    return Picture(pdf.make_indirect(_image_object(pdf, picture)), picture.width, picture.height)


class Canvas:
    """Collects the operators and the resources of one sheet."""

    def __init__(self, pdf: Pdf, fonts: Fonts) -> None:
        self._pdf = pdf
        self._fonts = fonts
        self._operators: list[str] = []
        self._font_resources = Dictionary()
        self._image_resources = Dictionary()

    @property
    def content(self) -> bytes:
        """The content stream so far."""
        return "\n".join(self._operators).encode("ascii")

    @property
    def resources(self) -> Dictionary:
        """The resources that the content stream names."""
        return Dictionary(Font=self._font_resources, XObject=self._image_resources)

    def as_form(self, width: float, height: float, matrix: Sequence[float]) -> Stream:
        """Return the drawing, cut to this size, as something that pages and annotations show (ISO 32000-1, 8.10)."""
        return Stream(
            self._pdf,
            self.content,
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, width, height]),
            Matrix=Array(matrix),
            Resources=self.resources,
        )

    def rectangle(self, box: Box, *, colour: Colour) -> None:
        """Fill a rectangle."""
        self._add(f"{_rgb(colour)} rg {_numbers(*box)} re f")

    def stroke(self, path: Iterable[tuple[float, float]], *, thickness: float, colour: Colour) -> None:
        """Draw an open path of straight lines with round ends."""
        drawn = " ".join(f"{_numbers(*point)} {'l' if index else 'm'}" for index, point in enumerate(path))
        self._add(f"q {_rgb(colour)} RG {_numbers(thickness)} w 1 J 1 j {drawn} S Q")

    def text(self, line: Line, x: float, baseline: float, size: float, *, colour: Colour = BLACK) -> None:
        """Set a shaped line; x is its left end."""
        for run in line.runs:
            name = f"/{run.typeface.name}"
            self._font_resources[name] = self._fonts.use(run)
            shown = f"BT {_rgb(colour)} rg {name} {_numbers(size)} Tf {_numbers(x, baseline)} Td {_show(run, size)} ET"
            if not self._fonts.copies_faithfully(run):
                shown = f"/Span << /ActualText <FEFF{run.text.encode('utf-16-be').hex()}> >> BDC {shown} EMC"
            self._add(shown)
            x += run.width * size / 1000

    def paragraph(
        self, setting: Setting, box: Box, *, align: float | None = None, from_top: bool = True, colour: Colour = BLACK
    ) -> None:
        """Set lines into a box, from its top or in its middle.

        `align` is the share of the free room that goes to the left of a line: 0 left, 0.5 centred, 1 right; without it
        each line starts where its script does.
        """
        top = box.y + (box.height if from_top else (box.height + setting.height) / 2)
        for line in setting.lines:
            share = align if align is not None else float(line.is_right_to_left)
            left = box.x + share * (box.width - line.width * setting.size / 1000)
            self.text(line, left, top - line.ascent * setting.size / 1000, setting.size, colour=colour)
            top -= line.height * setting.size / 1000

    def image(self, picture: Picture, box: Box) -> None:
        """Place a picture as large as the box allows, undistorted and centred."""
        scale = min(box.width / picture.width, box.height / picture.height)
        width, height = picture.width * scale, picture.height * scale
        left, bottom = box.x + (box.width - width) / 2, box.y + (box.height - height) / 2
        name = f"/Image{len(self._image_resources)}"
        self._image_resources[name] = picture.stream
        self._add(f"q {_numbers(width, 0, 0, height, left, bottom)} cm {name} Do Q")

    def _add(self, operators: str) -> None:
        self._operators.append(operators)


def _show(run: Run, size: float) -> str:
    """Return the operators that show the glyphs, with the shifts from their natural places (ISO 32000-1, 9.4.3)."""
    operators: list[str] = []
    array: list[str] = []
    rise = 0.0

    def flush() -> None:
        if array:
            operators.append(f"[{' '.join(array)}] TJ")
            array.clear()

    for glyph in run.glyphs:
        if glyph.y_offset != rise:
            flush()
            rise = glyph.y_offset
            operators.append(f"{_numbers(rise * size / 1000)} Ts")
        before, after = -glyph.x_offset, glyph.x_offset + run.typeface.width(glyph.number) - glyph.advance
        array += [
            *([_numbers(before)] if before else []),
            f"<{glyph.number:04X}>",
            *([_numbers(after)] if abs(after) >= _VISIBLE else []),
        ]
    flush()
    if rise:
        operators.append("0 Ts")
    return " ".join(operators)


def _image_object(pdf: Pdf, picture: Image.Image) -> Stream:
    """Return the image with its transparency as a soft mask."""

    def stream(channel: Image.Image, space: Name) -> Stream:
        return Stream(
            pdf,
            channel.tobytes(),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=channel.width,
            Height=channel.height,
            ColorSpace=space,
            BitsPerComponent=8,
        )

    image = stream(picture.convert("RGB"), Name.DeviceRGB)
    image.SMask = pdf.make_indirect(stream(picture.getchannel("A"), Name.DeviceGray))
    return image


def _numbers(*values: float) -> str:
    return " ".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in values)


def _rgb(colour: Colour) -> str:
    return _numbers(*colour)
