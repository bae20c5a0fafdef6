"""Maps between percent of the displayed page and PDF user space (ISO 32000-1, 8.3.2 and 14.11.2).

Three spaces meet here. *User space*: what content streams and boxes are written in, origin bottom-left, unrotated.
*The displayed page*: crop box, turned clockwise by /Rotate; in points, with the user unit applied. *Percent*: of the
displayed page, origin top-left, y downwards; what the API speaks.
"""

from dataclasses import dataclass

from app.domain.ports import Box, PageSize

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


def to_user_space(frame: PageFrame, x: float, y: float) -> tuple[float, float]:
    """Return the point in user space of a point in percent."""
    size = displayed_size(frame)
    across, up = x / 100 * size.width, (1 - y / 100) * size.height
    a, b, c, d, e, f = placement_matrix(frame)
    return a * across + c * up + e, b * across + d * up + f


def to_percent(frame: PageFrame, x: float, y: float) -> tuple[float, float]:
    """Return the point in percent of a point in user space."""
    size = displayed_size(frame)
    a, b, c, d, e, f = placement_matrix(frame)
    # The matrix is a rotation by quarters and one scale, so its inverse is its transpose over the scale's square.
    square = a * a + b * b
    across = (a * (x - e) + b * (y - f)) / square
    up = (c * (x - e) + d * (y - f)) / square
    return across / size.width * 100, (1 - up / size.height) * 100


def user_rectangle(frame: PageFrame, box: Box) -> Rectangle:
    """Return the rectangle in user space that a box covers."""
    x0, y0 = to_user_space(frame, box.x, box.y)
    x1, y1 = to_user_space(frame, box.x + box.width, box.y + box.height)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def percent_box(frame: PageFrame, page: int, rectangle: Rectangle) -> Box:
    """Return the box that a rectangle in user space covers on the page with this number."""
    left, bottom, right, top = rectangle
    x0, y0 = to_percent(frame, left, bottom)
    x1, y1 = to_percent(frame, right, top)
    return Box(page=page, x=min(x0, x1), y=min(y0, y1), width=abs(x1 - x0), height=abs(y1 - y0))
