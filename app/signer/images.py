"""Pictures of signatures: PNGs from strangers, read with limits."""

import io
import zlib

from PIL import Image, ImageChops

from app.domain.errors import UnreadablePdf

#: A drawn signature has far fewer; more would only be there to fill the memory.
MAX_PIXELS = 16_000_000
#: Larger pictures are scaled down to this many pixels a side: enough for print at the size of a signature.
MAX_SIDE = 1600

#: Darkness (0-255) up to which a pixel cannot be told from paper.
_PAPER_GREY = 10


def open_image(content: bytes) -> Image.Image:
    """Return the PNG as RGBA, at most `MAX_SIDE` pixels a side; raise UnreadablePdf when it is not a readable PNG.

    UnreadablePdf is the one error that crosses from the PDF child process.
    """
    try:
        file = Image.open(io.BytesIO(content), formats=("PNG",))
        if file.width * file.height > MAX_PIXELS:
            raise UnreadablePdf("The image of a signature has too many pixels.")
        picture = file.convert("RGBA")
    except (OSError, SyntaxError, ValueError, zlib.error) as error:  # what Pillow raises for broken PNGs
        raise UnreadablePdf("The image of a signature is not a readable PNG.") from error
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    return picture


def redraw(*, content: bytes, max_bytes: int) -> bytes | None:
    """Return the picture drawn anew as a PNG of at most that size, None when it shows nothing on white paper.

    Nothing of a stranger's file but its pixels goes on the document: no metadata, nothing hidden behind the picture.
    Raises UnreadablePdf like `open_image`.
    """
    picture = open_image(content)
    if not _has_ink(picture):
        return None
    while len(clean := _png(picture)) > max_bytes:
        picture = picture.resize((max(1, picture.width * 3 // 4), max(1, picture.height * 3 // 4)))
    return clean


def _png(picture: Image.Image) -> bytes:
    output = io.BytesIO()
    # A copy of the pixels alone: Pillow writes what a file said about itself along with them.
    Image.frombytes("RGBA", picture.size, picture.tobytes()).save(output, "PNG", optimize=True)
    return output.getvalue()


def _has_ink(picture: Image.Image) -> bool:
    """Tell whether anything shows on white paper: a canvas that was cleared sends a valid, empty picture."""
    paper = Image.new("RGBA", picture.size, "white")
    darkness = ImageChops.invert(Image.alpha_composite(paper, picture).convert("L"))
    return darkness.point(lambda value: 255 if value > _PAPER_GREY else 0).getbbox() is not None
