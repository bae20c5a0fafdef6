"""A person fills in and signs a document in a real browser."""

import base64
import io
import math

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.builders.pdfs import make_pdf
from tests.e2e.signing_desk import EVERY_KIND, SECOND_SIGNATURE, SIGNATURE_ONLY, Place
from tests.e2e.signing_person import (
    DESKTOP,
    PHONE,
    consent,
    draw,
    entry,
    finish,
    go_on,
    heading,
    open_document,
    person,
    shoot,
    tab_to,
    touch,
)

pytestmark = pytest.mark.browser

PLACES_IN_PERCENT = """() => [...document.querySelectorAll(".field")].map((field) => {
  const sheet = field.closest(".sheet").querySelector("img").getBoundingClientRect();
  const box = field.getBoundingClientRect();
  return [box.left - sheet.left, box.top - sheet.top, box.width, box.height]
    .map((length, index) => (length / (index % 2 ? sheet.height : sheet.width)) * 100);
})"""

HAS_INK = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  .data.some((value, index) => index % 4 === 3 && value > 0)"""


def test_a_person_signs_with_the_mouse_on_a_desktop(desk, chromium):
    envelope = desk.send((*EVERY_KIND, SECOND_SIGNATURE), signers=("Jane Doe", "John Roe"))
    with person(chromium, desk, at=DESKTOP, name="mouse") as page:
        page.goto(desk.link_for("Jane Doe"))
        shoot(page, "landing")
        page.get_by_role("button", name="Open the document").click()
        expect(page.locator("#progress-text")).to_have_text("0 of 8 required")
        shoot(page, "document")

        go_on(page).click()
        page.get_by_role("button", name="Use initials").click()
        expect(page.locator("#ink-error")).to_have_text("Please draw something first.")
        draw(page)
        page.get_by_role("button", name="Use initials").click()

        go_on(page).click()
        draw(page)
        shoot(page, "draw")
        page.get_by_role("button", name="Use signature").click()
        expect(page.locator(".field.current .preview img")).to_be_visible()

        go_on(page).fill("2026-11-20")
        go_on(page).fill("Doe Consulting")
        go_on(page).select_option("Quarterly")
        go_on(page).check()
        go_on(page).check()
        go_on(page).fill("Please send invoices\nto the accounts office.")
        go_on(page).click()
        expect(page.get_by_role("dialog")).to_be_hidden()  # the signature is known by now
        expect(page.locator("#progress-text")).to_have_text("8 of 8 required")
        expect(page.get_by_role("button", name="Next field")).to_be_hidden()

        page.get_by_role("button", name="Finish").click()
        expect(consent(page)).to_be_focused()
        shoot(page, "consent")
        finish(page)
        expect(heading(page)).to_have_text("You have signed.")
    assert [event for event in desk.audit_events(envelope) if event == "document_signed"] == ["document_signed"]


def test_a_person_signs_on_a_phone_with_the_keyboard_alone(desk, chromium):
    envelope = desk.send((*EVERY_KIND, SECOND_SIGNATURE), signers=("Jane Doe", "John Roe"))
    with person(chromium, desk, at=PHONE, name="keyboard") as page:
        press, write = page.keyboard.press, page.keyboard.type
        page.goto(desk.link_for("Jane Doe"))
        shoot(page, "landing")
        tab_to(page, page.get_by_role("button", name="Open the document"))
        press("Enter")
        expect(page.locator("#progress-text")).to_have_text("0 of 8 required")
        shoot(page, "document")

        tab_to(page, entry(page, "[data-ink=initial]"))
        press("Enter")
        expect(page.get_by_role("tab", name="Type")).to_be_focused()
        press("Tab")
        expect(page.get_by_role("textbox", name="Your initials")).to_have_value("JD")
        press("Enter")

        tab_to(page, entry(page, "[data-ink=signature]"))
        press("Enter")
        tab_to(page, page.get_by_role("textbox", name="Your name"))
        press("Control+a")
        write("Jane A. Doe")
        shoot(page, "type")
        press("Enter")
        expect(page.locator(".field.current .preview")).to_have_text("Jane A. Doe")

        tab_to(page, entry(page, "[data-control=date]"))
        write("11112026")  # the same day whether day or month comes first
        tab_to(page, entry(page, "[data-control=text]"))
        write("Doe Consulting")
        shoot(page, "text")
        tab_to(page, entry(page, "[data-control=dropdown]"))
        write("Q")
        tab_to(page, entry(page, "[data-control=tick]"))
        press("Space")
        tab_to(page, entry(page, "[data-control=radio]"))
        press("Space")
        press("ArrowRight")
        shoot(page, "choice")
        tab_to(page, page.get_by_role("button", name="Next field"))
        press("Enter")
        expect(entry(page, "[data-control=text_area]")).to_be_focused()
        tab_to(page, page.locator(".field[data-ink=signature] .entry").nth(1))
        press("Enter")
        expect(page.locator("#progress-text")).to_have_text("8 of 8 required")

        tab_to(page, consent(page))
        press("Space")
        shoot(page, "consent")
        tab_to(page, page.get_by_role("button", name="Finish"))
        press("Enter")
        expect(heading(page)).to_have_text("You have signed.")
    assert desk.answers(envelope, "Jane Doe") == [
        ("initial", "JD"),
        ("signature", "Jane A. Doe"),
        ("date", "2026-11-11"),
        ("text", "Doe Consulting"),
        ("dropdown", "Quarterly"),
        ("checkbox", "true"),
        ("radio_buttons", None),
        ("radio_buttons", "true"),
        ("text_area", None),
        ("signature", "Jane A. Doe"),
    ]


def test_finishing_too_early_leads_to_what_is_missing(desk, chromium):
    desk.send(EVERY_KIND)
    with person(chromium, desk, at=PHONE, name="missing") as page:
        open_document(page, desk.link_for("Jane Doe"))
        touch(page, "[data-ink=initial]")
        page.get_by_role("tab", name="Type").click()
        page.get_by_role("button", name="Use initials").click()

        page.get_by_role("button", name="Finish").click()

        missing = entry(page, "[data-ink=signature]")
        expect(missing).to_be_focused()
        expect(missing).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".field.current .error")).to_have_text("Please sign here.")
        expect(page.get_by_role("status")).to_have_text("Please sign here.")


def test_what_the_service_refuses_comes_back_with_everything_else_still_filled_in(desk, chromium):
    text = Place(type="text", page=1, x=11, y=70, width=32, height=3)
    desk.send((text, *SIGNATURE_ONLY))
    with person(chromium, desk, at=DESKTOP, name="refused") as page:
        open_document(page, desk.link_for("Jane Doe"))
        entry(page, "[data-control=text]").fill("Bell\u0007")
        touch(page, "[data-control=ink]")
        draw(page)
        page.get_by_role("button", name="Use signature").click()
        finish(page)

        expect(entry(page, "[data-control=text]")).to_be_focused()
        expect(page.locator(".field.current .error")).to_have_text("This holds characters that cannot be printed.")
        expect(page.locator(".preview img")).to_be_visible()
        shoot(page, "refused")

        page.reload()  # asks for the page again with the same answers
        entry(page, "[data-control=text]").fill("Bell")
        finish(page)
        expect(heading(page)).to_have_text("Everyone has signed.")


def test_a_person_declines_with_a_reason(desk, chromium):
    envelope = desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=PHONE, name="decline") as page:
        open_document(page, desk.link_for("Jane Doe"))
        page.get_by_role("button", name="Decline").click()
        page.get_by_label("Reason").fill("The amount is wrong.")
        shoot(page, "decline")
        page.get_by_role("dialog").get_by_role("button", name="Decline").click()
        expect(heading(page)).to_have_text("This document was declined.")
    [user] = desk.users(envelope)
    assert user["decline_reason"] == "The amount is wrong."


def test_fields_lie_where_they_were_placed_at_any_width(desk, chromium):
    desk.send(EVERY_KIND)
    with person(chromium, desk, at=DESKTOP, name="places") as page:
        open_document(page, desk.link_for("Jane Doe"))
        for width in (1280, 800, 360):
            page.set_viewport_size({"width": width, "height": 800})
            found = page.evaluate(PLACES_IN_PERCENT)
            wanted = [[place.x, place.y, place.width, place.height] for place in EVERY_KIND]
            assert len(found) == len(wanted)
            for one, other in zip(found, wanted, strict=True):
                assert one == pytest.approx(other, abs=0.2)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_drawing_survives_turning_the_phone_and_is_sharp(desk, chromium):
    desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=PHONE, name="turned", density=3) as page:
        open_document(page, desk.link_for("Jane Doe"))
        touch(page, "[data-control=ink]")
        draw(page)
        page.set_viewport_size({"width": 740, "height": 360})
        canvas = page.locator("#ink-canvas")
        expect(canvas).to_have_js_property("width", canvas.evaluate("canvas => canvas.clientWidth * 3"))
        assert canvas.evaluate(HAS_INK)
        page.get_by_role("button", name="Use signature").click()
        expect(page.locator(".preview img")).to_be_visible()


def test_a_long_name_is_shown_whole_before_it_is_used(desk, chromium):
    desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=PHONE, name="long-name") as page:
        open_document(page, desk.link_for("Jane Doe"))
        touch(page, "[data-control=ink]")
        page.get_by_role("tab", name="Type").click()
        page.locator("#ink-text").fill("Maximiliane-Katharina Freifrau von Hohenzollern-Sigmaringen")
        page.evaluate("document.fonts.load('1em \"Signature Script\"').then(() => undefined)")
        assert page.locator("#ink-preview").evaluate("box => box.scrollWidth <= box.clientWidth")


@pytest.mark.parametrize("at", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_photographed_signature_is_used_without_its_paper(desk, chromium, at):
    envelope = desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=at, name="upload") as page:
        open_document(page, desk.link_for("Jane Doe"))
        touch(page, "[data-control=ink]")
        page.get_by_role("tab", name="Upload").click()
        page.get_by_role("button", name="Use signature").click()
        expect(page.locator("#ink-error")).to_have_text("Please choose a picture first.")
        page.locator("#ink-file").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
        expect(page.locator("#ink-error")).to_have_text("This picture cannot be used; please choose another one.")
        page.locator("#ink-file").set_input_files(
            {"name": "signature.jpg", "mimeType": "image/jpeg", "buffer": photograph()}
        )
        expect(page.locator("#ink-picture img")).to_be_visible()
        expect(page.locator("#ink-error")).to_be_empty()
        shoot(page, "upload")
        page.get_by_role("button", name="Use signature").click()
        expect(page.locator(".field .preview img")).to_be_visible()
        finish(page)
        expect(heading(page)).to_have_text("Everyone has signed.")
    [(_, value)] = desk.answers(envelope, "Jane Doe")
    kept = Image.open(io.BytesIO(base64.b64decode(value.removeprefix("data:image/png;base64,"))))
    assert kept.getpixel((0, 0))[3] == 0, "the paper is gone"
    assert max(kept.size) < 1000, "and what lay around the ink"
    assert kept.getextrema()[3] == (0, 255)


def photograph():
    """Take a picture of ink on greyish paper, larger than any signature need be."""
    picture = Image.new("RGB", (2400, 1600), (225, 222, 214))
    pen = ImageDraw.Draw(picture)
    points = [(400 + step * 16, 800 + int(math.sin(step / 6) * 250)) for step in range(100)]
    pen.line(points, fill=(30, 40, 110), width=24)
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return file.getvalue()


def test_what_was_entered_is_there_when_the_person_comes_back_with_another_browser(desk, chromium):
    desk.send(EVERY_KIND)
    link = desk.link_for("Jane Doe")
    with person(chromium, desk, at=PHONE, name="leaving") as page:
        open_document(page, link)
        touch(page, "[data-ink=initial]")
        page.get_by_role("tab", name="Type").click()
        page.get_by_role("button", name="Use initials").click()
        go_on(page).click()  # the signature
        page.get_by_role("button", name="Cancel").click()
        entry(page, "[data-control=text]").fill("Doe Consulting")
        entry(page, "[data-control=dropdown]").select_option("Quarterly")
        with page.expect_response("**/draft") as answer:
            page.locator(".field[data-control=radio]").nth(1).click()
        assert answer.value.status == 204
    with person(chromium, desk, at=DESKTOP, name="returning") as page:
        page.goto(link)
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("#progress-text")).to_have_text("3 of 8 required")
        expect(entry(page, "[data-control=text]")).to_have_value("Doe Consulting")
        expect(entry(page, "[data-control=dropdown]")).to_have_value("Quarterly")
        expect(page.locator(".field[data-control=radio] .entry").nth(1)).to_be_checked()
        expect(page.locator(".field[data-ink] .preview").first).to_be_empty()
        shoot(page, "returning")


def test_a_person_is_told_when_their_answers_cannot_be_kept(desk, chromium):
    envelope = desk.send(EVERY_KIND)
    with person(chromium, desk, at=PHONE, name="unkept") as page:
        open_document(page, desk.link_for("Jane Doe"))
        desk.cancel(envelope)
        entry(page, "[data-control=text]").fill("Doe Consulting")
        sentence = "Your answers could not be kept. Please finish before you leave."
        expect(page.locator("#kept")).to_have_text(sentence)
        expect(page.get_by_role("status")).to_have_text(sentence)


def test_a_page_that_goes_away_at_once_keeps_the_last_entry(desk, chromium):
    desk.send(EVERY_KIND)
    link = desk.link_for("Jane Doe")
    with person(chromium, desk, at=PHONE, name="away") as page:
        open_document(page, link)
        entry(page, "[data-control=text]").fill("Doe Consulting")
        page.goto(link)
        page.get_by_role("button", name="Continue").click()
        expect(entry(page, "[data-control=text]")).to_have_value("Doe Consulting")


def test_screen_readers_get_the_text_of_each_page(desk, chromium):
    desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=PHONE, name="read") as page:
        open_document(page, desk.link_for("Jane Doe"))
        expect(page.locator(".page-text").nth(0)).to_contain_text("The client pays the fees set out below")
        expect(page.locator(".page-text").nth(1)).to_contain_text("I have received the annex")


@pytest.mark.parametrize("at", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_date_is_today_at_one_press_in_the_signers_own_zone(desk, chromium, at):
    desk.send((Place(type="date", page=1, x=11, y=30, width=22, height=3), *SIGNATURE_ONLY))
    with person(chromium, desk, at=at, name="today") as page:
        page.clock.set_fixed_time("2026-11-20T23:30:00-05:00")  # the 21st in UTC, and the 20th for the signer
        open_document(page, desk.link_for("Jane Doe"))
        date = go_on(page)
        shoot(page, "today")
        page.get_by_role("button", name="Today").click()
        expect(date).to_have_value("2026-11-20")
        expect(page.locator("#progress-text")).to_have_text("1 of 2")


def test_a_long_document_shows_its_first_page_without_waiting_for_the_others(desk, chromium):
    desk.send(SIGNATURE_ONLY, document=make_pdf(pages=100, text="A page among many"))
    link = desk.link_for("Jane Doe")
    with person(chromium, desk, at=PHONE, name="long") as page:
        pictures = []
        page.on("request", lambda request: pictures.append(request.url) if request.url.endswith(".png") else None)
        open_document(page, link)
        page.locator(".sheet img").first.evaluate("picture => picture.decode()")
        expect(page.locator(".page-text").nth(99)).to_have_text("A page among many")
        assert 1 <= len(pictures) < 15


def test_a_browser_without_scripts_is_told_what_is_missing(desk, chromium):
    desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=PHONE, name="scriptless", scripts=False) as page:
        page.goto(desk.link_for("Jane Doe"))
        page.get_by_role("button", name="Open the document").click()
        expect(page.locator("noscript p")).to_contain_text("Signing needs JavaScript.")
        expect(page.get_by_role("button")).to_have_count(0)
