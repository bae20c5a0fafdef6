"""Pictures of signatures: PNGs from strangers, read with limits."""

import io
import zlib

from PIL import Image

from app.domain.errors import UnreadablePdf

#: A drawn signature has far fewer; more would only be there to fill the memory.
MAX_PIXELS = 16_000_000
#: Larger pictures are scaled down to this many pixels a side: enough for print at the size of a signature.
MAX_SIDE = 1600


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


def has_ink(*, content: bytes) -> bool:
    """Tell whether anything is drawn: a visible pixel that differs from the picture's ground.

    A canvas that was cleared still sends a valid, empty picture. Raises UnreadablePdf like `open_image`.
    """
    picture = open_image(content)
    ground = Image.new("RGBA", picture.size, "white")
    lightness = Image.alpha_composite(ground, picture).convert("L").getextrema()
    return lightness[0] != lightness[1]
