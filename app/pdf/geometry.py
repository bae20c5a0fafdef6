"""A page as displayed, and its place in PDF user space (ISO 32000-1, 8.3.2 and 14.11.2).

*User space*: what content streams and boxes are written in, origin bottom-left, unrotated. *The displayed page*: the
crop box, turned clockwise by /Rotate; in points, with the user unit applied.
"""

from dataclasses import dataclass

from app.domain.ports import PageSize

#: (a, b, c, d, e, f) as in the operator `cm`: x' = a x + c y + e, y' = b x + d y + f.
Matrix = tuple[float, float, float, float, float, float]
#: left, bottom, right, top.
Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class PageFrame:
    """The visible part of a page in user space, how it is turned, and how many points a unit has."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int = 0
    user_unit: float = 1.0

    def __post_init__(self) -> None:
        if self.rotation not in (0, 90, 180, 270):
            raise ValueError("A page is turned by 0, 90, 180 or 270 degrees.")


def displayed_size(frame: PageFrame) -> PageSize:
    """Return the page as displayed, in points."""
    width = (frame.right - frame.left) * frame.user_unit
    height = (frame.top - frame.bottom) * frame.user_unit
    if frame.rotation in (90, 270):
        width, height = height, width
    return PageSize(width=width, height=height)


def placement_matrix(frame: PageFrame) -> Matrix:
    """Return the matrix that lays a drawing of the displayed page onto the page.

    The drawing is in points, upright, origin at the bottom-left corner of the displayed page.
    """
    unit = 1 / frame.user_unit
    left, bottom, right, top = frame.left, frame.bottom, frame.right, frame.top
    return {
        0: (unit, 0.0, 0.0, unit, left, bottom),
        90: (0.0, unit, -unit, 0.0, right, bottom),
        180: (-unit, 0.0, 0.0, -unit, right, top),
        270: (0.0, -unit, unit, 0.0, left, top),
    }[frame.rotation]
