"""Builds pictures."""

import io

from PIL import Image, ImageDraw


def make_png(*, ink: bool, size: tuple[int, int] = (300, 100)) -> bytes:
    """Build a transparent PNG, with a stroke on it or empty."""
    picture = Image.new("RGBA", size)
    if ink:
        ImageDraw.Draw(picture).line([(20, 80), (150, 20), (280, 70)], fill=(10, 20, 90, 255), width=6)
    output = io.BytesIO()
    picture.save(output, "PNG")
    return output.getvalue()
