import io

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Stream, String
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from app.domain.errors import UnreadablePdf
from app.pdf.sandbox import Sandbox
from app.signer.stamping import stamp
from app.signer.typesetting import fit_block, shape, wrap
from tests.builders.ink import blue, dark, find_ink, ink_png, magenta, page_picture, page_text
from tests.builders.marks import TALL, assert_inside, mark, stamped
from tests.builders.pdfs import drawn_pdf, encrypted_pdf, make_pdf, saved, truncated_pdf


def filling_png(content, box):
    """Make a picture with the proportions that the box has on the page."""
    page = page_picture(content)
    return ink_png(round(page.width * box["width"] / 100), round(page.height * box["height"] / 100))


def assert_at(found, box, *, within):
    wanted = (box["x"], box["y"], box["width"], box["height"])
    assert found == pytest.approx(wanted, abs=within)


def fonts_of(content):
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return sorted(
            str(item.BaseFont)
            for item in pdf.objects
            if isinstance(item, Dictionary) and item.get("/Type") == Name.Font
        )


# --- Where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inherit", [False, True])
@pytest.mark.parametrize(
    ("media", "crop"), [(None, None), (None, (30, 50, 330, 590)), ((-100, -50, 300, 550), (-70, -50, 200, 400))]
)
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_picture_lands_where_the_field_is(rotate, media, crop, inherit):
    content = make_pdf(size=TALL, rotate=rotate, media=media, crop=crop, inherit=inherit)
    box = mark("image")
    found = find_ink(stamped(content, box | {"png": filling_png(content, box)}), magenta)
    assert_at(found, box, within=0.6)


@pytest.mark.parametrize("rotate", [-90, 450])
def test_a_rotation_outside_the_circle_counts_like_the_one_inside(rotate):
    content = make_pdf(size=TALL, rotate=rotate)
    box = mark("image")
    found = find_ink(stamped(content, box | {"png": filling_png(content, box)}), magenta)
    assert_at(found, box, within=0.6)


def test_a_user_unit_changes_neither_the_place_nor_the_size_of_text_in_points():
    content = make_pdf(size=(200, 300), user_unit=2)
    plain = make_pdf(size=(400, 600))
    box = mark("text", value="Hand", width=60, height=20)
    found = find_ink(stamped(content, box), blue)
    assert found == pytest.approx(find_ink(stamped(plain, box), blue), abs=1)


@settings(max_examples=15, deadline=None)
@given(
    rotate=st.sampled_from([0, 90, 180, 270]),
    corner=st.tuples(st.integers(0, 100), st.integers(0, 100)),
    place=st.fixed_dictionaries(
        {"x": st.floats(0, 70), "y": st.floats(0, 80), "width": st.floats(10, 30), "height": st.floats(5, 20)}
    ),
)
def test_any_place_on_any_page_is_met(rotate, corner, place):
    content = make_pdf(size=TALL, rotate=rotate, crop=(*corner, 400, 600))
    box = mark("image", **place)
    assert_at(find_ink(stamped(content, box | {"png": filling_png(content, box)}), magenta), box, within=1)


def test_a_picture_that_stands_in_many_places_is_in_the_file_once():
    marks = [mark("image", page=page, x=x, png=ink_png()) for page in (1, 2) for x in (10, 50)]
    with pikepdf.open(io.BytesIO(stamped(make_pdf(pages=2), *marks))) as pdf:
        pictures = [item for item in pdf.objects if isinstance(item, Stream) and item.get("/Subtype") == Name.Image]
    assert len(pictures) == 2  # with its transparency


def test_a_picture_keeps_its_proportions_and_stands_in_the_middle():
    content = make_pdf(size=(500, 500))
    found = find_ink(stamped(content, mark("image", x=10, y=10, width=40, height=10, png=ink_png(50, 50))), magenta)
    assert found == pytest.approx((25, 10, 10, 10), abs=0.5)


@pytest.mark.parametrize(
    "operators",
    [
        b"3 0 0 3 90 90 cm 1 0 1 rg",
        b"3 0 0 3 90 90 cm q q",
        b"q Q Q 3 0 0 3 90 90 cm",
        b"BT /F1 9 Tf (q q ) Tj ET 3 0 0 3 90 90 cm",
        b"3 0 0 3 90 90 cm q BT /F1 9 Tf ( Q ) Tj ET",
        b"BT /F1 9 Tf (never closed",
        b"q BT /F1 9 Tf [(never closed) 5",
        b"BI /W 5 /H 5 /BPC 8 /CS /G ID too few",
        b"/Span << /Lang (en",
        b"BT 3 0 0 3 90 90 Tm",
    ],
)
def test_the_page_s_own_content_does_not_reach_the_stamp(operators):
    content = drawn_pdf(operators, size=TALL)
    box = mark("image")
    assert_at(find_ink(stamped(content, box | {"png": filling_png(content, box)}), magenta), box, within=0.6)


def test_a_layer_that_is_hidden_and_never_ends_does_not_hide_the_stamp():
    def hide(pdf):
        layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("Draft")))
        pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))
        pdf.pages[0].Resources.Properties = Dictionary(Draft=layer)
        pdf.pages[0].Contents = pdf.make_stream(b"/OC /Draft BDC BT /F1 9 Tf (hidden) Tj ET")

    content = make_pdf(size=TALL, change=hide)
    box = mark("image")
    assert_at(find_ink(stamped(content, box | {"png": filling_png(content, box)}), magenta), box, within=0.6)


def test_fonts_that_a_page_inherits_stay():
    def inherit(pdf):
        pdf.Root.Pages.Resources = pdf.pages[0].obj.Resources
        del pdf.pages[0].obj["/Resources"]

    assert "Contract" in page_text(stamped(make_pdf(change=inherit), mark(value="Ada")))


def test_a_page_without_content_can_be_stamped():
    def empty(pdf):
        del pdf.pages[0].obj["/Contents"]

    assert page_text(stamped(make_pdf(change=empty), mark(value="Ada"))).strip() == "Ada"


def test_each_page_gets_its_own_marks():
    document = stamped(make_pdf(pages=3), mark(page=1, value="first"), mark(page=3, value="third"))
    assert [("first" in page_text(document, page=n), "third" in page_text(document, page=n)) for n in (1, 2, 3)] == [
        (True, False),
        (False, False),
        (False, True),
    ]


# --- What -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "Zażółć gęślą jaźń",
        "Ελληνικά Кириллица",
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
        "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
        "\u0928\u092e\u0938\u094d\u0924\u0947 \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f",
        "word " * 60,
        "unbreakable" * 40,
        "\u6f22\u5b57" * 40,
    ],
)
@pytest.mark.parametrize("multiline", [False, True])
def test_text_of_any_script_and_length_stays_inside_its_box(value, multiline):
    box = mark(value=value, multiline=multiline, width=30, height=6)
    assert_inside(find_ink(stamped(make_pdf(), box), blue), box)


def test_no_letter_of_a_long_text_is_lost():
    words = [f"word{number}" for number in range(150)]
    document = stamped(make_pdf(text=""), mark(value=" ".join(words), width=20, height=4))
    assert page_text(document).split() == words


def test_a_word_wider_than_the_box_is_cut_and_complete():
    letters = "".join(chr(ord("a") + number % 26) for number in range(300))
    document = stamped(make_pdf(text=""), mark(value=letters, multiline=True, width=15, height=30))
    assert "".join(page_text(document).split()) == letters


@pytest.mark.parametrize(
    "value", ["Zażółć gęślą jaźń", "Ada & Söhne (2026)", "Ελλάδα", "\u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f"]
)
def test_text_can_be_copied_out_again(value):
    assert value in page_text(stamped(make_pdf(), mark(value=value)))


def test_right_to_left_text_begins_at_the_right_and_keeps_its_numbers():
    box = mark(value="\u05e9\u05dc\u05d5\u05dd 123", width=60)
    x, _, width, _ = find_ink(stamped(make_pdf(), box), blue)
    assert x + width == pytest.approx(box["x"] + box["width"], abs=0.5)
    assert "123" in page_text(stamped(make_pdf(), box))


def test_a_wrapped_text_keeps_its_direction_in_lines_that_begin_with_another_script():
    paragraph = "\u05d4\u05d7\u05d5\u05d6\u05d4 ACME Holdings 2026 \u05d1\u05d9\u05e9\u05e8\u05d0\u05dc"
    lines = wrap(paragraph, 6500)
    assert len(lines) > 2
    assert all(line.is_right_to_left for line in lines)


@pytest.mark.parametrize(
    "value", ["\U0001f600" * 1000, "\u00e9" + "." * 4000, "\u05d0" + "\u2026" * 4000, "\u05d0\u05d1\u05d2 " * 1000]
)
def test_a_text_of_thousands_of_signs_fills_its_box(value):
    setting = fit_block(value, 300, 200, largest=12)
    assert setting.width <= 303
    assert 150 < setting.height <= 200


def test_a_very_long_line_from_right_to_left_begins_at_the_right():
    letters = "".join(chr(0x05D0 + number % 22) for number in range(1000))
    glyphs = [glyph.text for run in shape(letters).runs for glyph in run.glyphs]
    assert "".join(glyphs) == letters[::-1]


def test_each_paragraph_of_a_text_has_its_own_direction():
    assert [line.is_right_to_left for line in wrap("\u05e9\u05dc\u05d5\u05dd\nHello", 9000)] == [True, False]


@pytest.mark.parametrize("value", ["I \u2764\ufe0f it", "family \u200b\u2060name", "A\u034fB"])
def test_an_invisible_character_is_not_drawn_as_a_box(value):
    assert stamp(content=make_pdf(text=""), marks=[mark(value=value)])["missing_glyphs"] == []


def test_a_character_that_no_typeface_has_is_drawn_as_a_box_and_named():
    result = stamp(content=make_pdf(text=""), marks=[mark(value="Smile \U0001f600!")])
    assert result["missing_glyphs"] == ["\U0001f600"]
    assert page_text(result["document"]).strip() == "Smile \u25a1!"


def test_direction_overrides_cannot_disguise_a_name():
    document = stamped(make_pdf(text=""), mark(value="Ada\u202egnp.exe"))
    assert page_text(document).strip() == "Adagnp.exe"


def test_a_check_is_drawn_inside_its_box():
    box = mark("check", width=4, height=4)
    assert_inside(find_ink(stamped(make_pdf(), box), blue), box)


def test_a_typed_signature_is_in_a_script_face_inside_its_box():
    box = mark("typed_signature", value="Ada Lovelace")
    document = stamped(make_pdf(text=""), box)
    assert_inside(find_ink(document, blue), box)
    assert "DancingScript" in "".join(fonts_of(document))
    assert page_text(document).strip() == "Ada Lovelace"


@pytest.mark.parametrize(
    ("name", "face"),
    [
        ("Łukasz Żółw", "NotoSerifItalic"),
        ("Олена Шевченко", "NotoSerifItalic"),
        ("\u05d3\u05e0\u05d4", "NotoSansHebrewRegular"),
    ],
)
def test_a_typed_signature_beyond_the_script_face_is_whole_in_another_face(name, face):
    document = stamped(make_pdf(text=""), mark("typed_signature", value=name))
    assert {font.rpartition("+")[2] for font in fonts_of(document)} == {face}


def test_only_the_glyphs_in_use_are_embedded():
    assert len(stamped(make_pdf(), mark(value="Ada"))) < 12_000


def test_a_hidden_text_is_covered():
    content = make_pdf(text="{{sign_here}}", at=(72, 700), font_size=20)
    assert find_ink(content, dark) is not None
    x, y, width, height = find_ink(content, dark)
    box = {"page": 1, "x": x - 0.5, "y": y - 0.5, "width": width + 1, "height": height + 1}
    assert find_ink(stamped(content, hide=[box]), dark) is None


def test_a_mark_stands_above_what_is_hidden():
    box = mark("check", width=10, height=10)
    assert find_ink(stamped(make_pdf(), box, hide=[box]), blue) is not None


# --- What comes out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"object_stream_mode": pikepdf.ObjectStreamMode.generate},
        {"object_stream_mode": pikepdf.ObjectStreamMode.disable},
        {"linearize": True},
        {"force_version": "1.3"},
        {"force_version": "2.0"},
    ],
)
def test_the_result_can_be_read_by_a_strict_signer(options):
    with pikepdf.open(io.BytesIO(make_pdf())) as pdf:
        content = saved(pdf, **options)
    document = stamped(content, mark(value="Ada"), mark("image", png=ink_png()))
    writer = IncrementalPdfFileWriter(io.BytesIO(document), strict=True)
    assert not writer.prev.xrefs.hybrid_xrefs_present


def test_the_version_of_the_document_stays():
    with pikepdf.open(io.BytesIO(make_pdf())) as pdf:
        content = saved(pdf, force_version="2.0")
    assert stamped(content, mark(value="Ada")).startswith(b"%PDF-2.0")


# --- What cannot be done ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [encrypted_pdf(), truncated_pdf(), b"no PDF at all"])
def test_an_unreadable_file_is_refused(content):
    with pytest.raises(UnreadablePdf):
        stamped(content, mark(value="Ada"))


@pytest.mark.parametrize("page", [0, 2])
def test_a_field_beyond_the_document_is_refused(page):
    with pytest.raises(UnreadablePdf, match="page"):
        stamped(make_pdf(pages=1), mark(page=page, value="Ada"))


def test_a_page_without_area_is_refused():
    content = make_pdf(size=TALL, crop=(500, 700, 600, 800))
    with pytest.raises(UnreadablePdf, match="no area"):
        stamped(content, mark(value="Ada"))


@pytest.mark.parametrize("png", [b"", b"GIF89a", ink_png()[:-30], ink_png()[:40]])
def test_a_broken_picture_is_refused(png):
    with pytest.raises(UnreadablePdf, match="PNG"):
        stamped(make_pdf(), mark("image", png=png))


def test_a_picture_too_large_to_be_a_signature_is_refused_before_it_is_unpacked():
    with pytest.raises(UnreadablePdf, match="pixels"):
        stamped(make_pdf(), mark("image", png=ink_png(16_001, 1000)))


def test_stamping_runs_in_the_child_process():
    with Sandbox() as sandbox:
        result = sandbox.call(
            "app.signer.stamping:stamp", content=make_pdf(text=""), marks=[mark(value="Ada")], hide=[]
        )
    assert page_text(result["document"]).strip() == "Ada"
