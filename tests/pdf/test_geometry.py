import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ports import PageSize
from app.pdf.geometry import PageFrame, displayed_size, placement_matrix

offsets = st.floats(-5000, 5000)
sides = st.floats(1, 14_400)
shares = st.floats(0, 1)


@st.composite
def frames(draw):
    left, bottom = draw(offsets), draw(offsets)
    return PageFrame(
        left=left,
        bottom=bottom,
        right=left + draw(sides),
        top=bottom + draw(sides),
        rotation=draw(st.sampled_from([0, 90, 180, 270])),
        user_unit=draw(st.floats(0.1, 100)),
    )


def frame(rotation=0, user_unit=1.0):
    return PageFrame(left=10, bottom=20, right=310, top=420, rotation=rotation, user_unit=user_unit)


def placed(page, across, up):
    """Return where the matrix lays a point of the displayed page, given as shares of its sides from the bottom left."""
    size = displayed_size(page)
    a, b, c, d, e, f = placement_matrix(page)
    x, y = across * size.width, up * size.height
    return a * x + c * y + e, b * x + d * y + f


@given(frames(), shares, shares)
def test_every_point_of_the_displayed_page_lies_in_the_crop_box(page, across, up):
    x, y = placed(page, across, up)
    assert page.left - 1e-6 <= x <= page.right + 1e-6
    assert page.bottom - 1e-6 <= y <= page.top + 1e-6


@given(frames())
def test_the_matrix_lays_the_corners_of_the_drawing_onto_those_of_the_page(page):
    corners = [placed(page, across, up) for across in (0, 1) for up in (0, 1)]
    expected = [(x, y) for x in (page.left, page.right) for y in (page.bottom, page.top)]
    assert sorted(round(v, 5) for corner in corners for v in corner) == pytest.approx(
        sorted(round(v, 5) for corner in expected for v in corner), abs=1e-4
    )


@pytest.mark.parametrize(
    ("rotation", "top_left"), [(0, (10, 420)), (90, (10, 20)), (180, (310, 20)), (270, (310, 420))]
)
def test_the_top_left_corner_turns_clockwise_with_the_page(rotation, top_left):
    assert placed(frame(rotation), 0, 1) == pytest.approx(top_left)


@pytest.mark.parametrize(
    ("rotation", "matrix"),
    [
        (0, (1, 0, 0, 1, 10, 20)),
        (90, (0, 1, -1, 0, 310, 20)),
        (180, (-1, 0, 0, -1, 310, 420)),
        (270, (0, -1, 1, 0, 10, 420)),
    ],
)
def test_the_matrix_without_a_user_unit_is_the_known_one(rotation, matrix):
    assert placement_matrix(frame(rotation)) == matrix


def test_the_user_unit_scales_the_displayed_page():
    assert displayed_size(frame(rotation=90, user_unit=2)) == PageSize(width=800, height=600)


def test_an_angle_that_is_no_quarter_is_refused():
    with pytest.raises(ValueError, match="0, 90, 180 or 270"):
        frame(rotation=45)
