import pytest

from app.domain.errors import UnreadablePdf
from app.domain.ports import Box
from app.pdf.geometry import PageFrame, displayed_size, placement_matrix
from tests.builders.pdfs import drawn_pdf, make_pdf, zip_bomb_pdf

ANCHOR = "{{sign_here}}"
#: Width of ANCHOR in Helvetica, in thousandths of the font size (Adobe's metrics), and its loose height.
ANCHOR_WIDTH = 334 * 4 + 500 + 222 + 556 * 2 + 556 + 556 * 2 + 333 + 556


def locate(inspector, content, text=ANCHOR):
    return inspector.locate(content, [text])[text]


def centre(box):
    return box.x + box.width / 2, box.y + box.height / 2


def percent_box(frame, rectangle):
    """Return the box on the first page that a rectangle in user space (left, bottom, right, top) covers."""
    size = displayed_size(frame)
    a, b, c, d, e, f = placement_matrix(frame)
    # The matrix is a rotation by quarters and one scale, so its inverse is its transpose over the scale's square.
    square = a * a + b * b
    corners = [(x - e, y - f) for x, y in (rectangle[:2], rectangle[2:])]
    (x0, x1) = sorted((a * x + b * y) / square / size.width * 100 for x, y in corners)
    (y0, y1) = sorted((1 - (c * x + d * y) / square / size.height) * 100 for x, y in corners)
    return Box(page=1, x=x0, y=y0, width=x1 - x0, height=y1 - y0)


@pytest.mark.parametrize("inherit", [False, True], ids=["own boxes", "inherited boxes"])
@pytest.mark.parametrize("crop", [None, (50, 100, 350, 500), (-50, -50, 450, 550)], ids=["whole", "offset", "beyond"])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("user_unit", [None, 2.5])
def test_it_finds_the_place_on_the_displayed_page(inspector, rotate, crop, inherit, user_unit):
    content = make_pdf(
        text=ANCHOR,
        at=(120, 300),
        font_size=20,
        size=(400, 600),
        rotate=rotate,
        crop=crop,
        inherit=inherit,
        user_unit=user_unit,
    )
    visible = {None: (0, 0, 400, 600), (50, 100, 350, 500): (50, 100, 350, 500)}.get(crop, (0, 0, 400, 550))
    left, bottom, right, top = visible
    frame = PageFrame(left=left, bottom=bottom, right=right, top=top, rotation=rotate)
    # The middle of the letters along the baseline is exact; across it, the loose box is 1 em high around them.
    expected = percent_box(frame, (120, 296, 120 + ANCHOR_WIDTH * 20 / 1000, 316))

    (box,) = locate(inspector, content)

    turned = rotate in (90, 270)
    along, across = (1, 0) if turned else (0, 1)
    assert centre(box)[along] == pytest.approx(centre(expected)[along], abs=0.5)
    assert centre(box)[across] == pytest.approx(centre(expected)[across], abs=1)
    assert (box.height if turned else box.width) == pytest.approx(
        expected.height if turned else expected.width, abs=0.5
    )


def test_every_match_on_every_page_is_found_in_reading_order(inspector):
    content = drawn_pdf(b"BT /F1 12 Tf 300 100 Td (AA) Tj -200 0 Td (AA) Tj 0 400 Td (AA) Tj ET")
    boxes = locate(inspector, content, "AA")
    assert [(round(box.x), round(box.y)) for box in boxes] == [(17, 39), (17, 87), (50, 87)]


def test_pages_count_from_one(inspector):
    content = make_pdf(text=[ANCHOR, "nothing", ANCHOR])
    assert [box.page for box in locate(inspector, content)] == [1, 3]


@pytest.mark.parametrize(
    ("written", "text", "count"),
    [
        (ANCHOR, "sign", 1),
        (ANCHOR, "SIGN", 0),
        ("{{ sign_here }}", ANCHOR, 0),
        ("sign sign", "sign", 2),
        ("a.b", "a?b", 0),
        ("a  b", "a b", 1),
        ("a\xa0b", "a b", 1),
        ("anything", "", 0),
        ("any thing", " ", 0),
        ("$blob", "$blob", 1),
    ],
)
def test_a_text_is_taken_literally_but_for_the_amount_of_white_space(inspector, written, text, count):
    assert len(locate(inspector, make_pdf(text=written), text)) == count


@pytest.mark.parametrize(
    ("operators", "text"),
    [
        (b"6 Tc 72 700 Td ({{sign_here}}) Tj", ANCHOR),
        (b"20 Tc 72 700 Td ({{sign_here}}) Tj", ANCHOR),
        (b"72 700 Td [({{si) -900 (gn_) -600 (here}})] TJ", ANCHOR),
        (b"72 700 Td ({{sign) Tj (_here}}) Tj", ANCHOR),
        (b"3 Tr 72 700 Td ({{sign_here}}) Tj", ANCHOR),
        (b"0.866 0.5 -0.5 0.866 72 600 Tm ({{sign_here}}) Tj", ANCHOR),
    ],
    ids=["spaced", "widely spaced", "spaced by kerning", "two operations", "invisible", "slanted"],
)
def test_the_way_a_text_is_drawn_does_not_matter(inspector, operators, text):
    assert len(locate(inspector, drawn_pdf(b"BT /F1 12 Tf " + operators + b" ET"), text)) == 1


@pytest.mark.parametrize(
    ("first", "second", "text", "start"),
    [
        (b"{{sign_her", b"e}} and more", ANCHOR, 0),
        (b"Please Sign ", b"here now", "Sign here", 8),
        (b"Please Sign", b"here now", "Sign here", 8),
        (b"Please sign-", b"here now", "sign-here", 8),
    ],
)
def test_a_wrapped_text_stands_where_its_first_part_stands(inspector, first, second, text, start):
    content = drawn_pdf(b"BT /F1 12 Tf 14 TL 72 700 Td (" + first + b") Tj T* (" + second + b") Tj ET")
    first_line = locate(inspector, drawn_pdf(b"BT /F1 12 Tf 72 700 Td (" + first + b") Tj ET"), first.decode().strip())

    (box,) = locate(inspector, content, text)

    assert box.height == pytest.approx(first_line[0].height, abs=0.01)
    assert box.x == pytest.approx(first_line[0].x, abs=0.01) if start == 0 else box.x > first_line[0].x


def test_a_text_outside_the_visible_page_is_absent(inspector):
    assert locate(inspector, make_pdf(text=ANCHOR, at=(72, 720), crop=(0, 0, 500, 500))) == ()


def test_a_text_across_the_edge_is_cut_to_the_page(inspector):
    (box,) = locate(inspector, make_pdf(text=ANCHOR, at=(72, 300), size=(100, 600)))
    assert box.x + box.width == pytest.approx(100)


def test_several_texts_are_told_apart(inspector):
    found = inspector.locate(make_pdf(text="one two"), ["two", "three", "one"])
    assert [len(found[text]) for text in ("one", "two", "three")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("text", "flags", "count"),
    [
        ("SIGN", {"ignore_case": True}, 3),
        ("sign", {"whole_words": True}, 1),
        ("Sign", {"whole_words": True, "ignore_case": True}, 2),
        ("{{sign}}", {"whole_words": True}, 1),
    ],
)
def test_a_search_can_ignore_case_and_keep_to_whole_words(warm_sandbox, text, flags, count):
    content = make_pdf(text="{{sign}} signature Sign")
    places = warm_sandbox.call("app.pdf.text:locate", content=content, texts=[text], **flags)
    assert len(places[text]) == count


@pytest.mark.parametrize("text", ["Zażółć", "\U0001f600"])
def test_letters_beyond_latin_are_found(inspector, text):
    assert len(locate(inspector, spelling_pdf(text), text)) == 1


def test_a_text_that_runs_from_right_to_left_is_found_as_it_is_read(inspector):
    drawn, read = "םולש", "שלום"
    assert len(locate(inspector, spelling_pdf(drawn), read)) == 1


def spelling_pdf(text):
    """Build a page that draws A, B, C... and says that they mean the letters of the text."""
    codes = "".join(chr(ord("A") + index) for index in range(len(text)))
    lines = "\n".join(
        f"<{ord(code):02x}> <{letter.encode('utf-16-be').hex()}>" for code, letter in zip(codes, text, strict=True)
    )
    cmap = (
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(text)} beginbfchar\n{lines}\nendbfchar endcmap end"
    )

    def spell(pdf):
        pdf.pages[0].Resources.Font.F1.ToUnicode = pdf.make_stream(cmap.encode())

    return make_pdf(text=codes, change=spell)


def test_a_document_that_was_never_inspected_cannot_hurt_either(inspector):
    with pytest.raises(UnreadablePdf):
        inspector.locate(zip_bomb_pdf(), [ANCHOR])
