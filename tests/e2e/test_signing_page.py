"""A person signs in a real browser; screenshots are kept in `var/screenshots/`."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from tests.e2e.signing_desk import EVERY_KIND, SIGNATURE_ONLY, Place, SigningDesk, open_desk

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

SECOND_SIGNATURE = Place(type="signature", page=2, x=11, y=88, width=28, height=6, recipient=2)

PLACES_IN_PERCENT = """() => [...document.querySelectorAll(".field")].map((field) => {
  const sheet = field.closest(".sheet").querySelector("img").getBoundingClientRect();
  const box = field.getBoundingClientRect();
  return [box.left - sheet.left, box.top - sheet.top, box.width, box.height]
    .map((length, index) => (length / (index % 2 ? sheet.height : sheet.width)) * 100);
})"""

HAS_INK = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  .data.some((value, index) => index % 4 === 3 && value > 0)"""

#: What Chromium writes for any answer that is not a success; a page that says "expired" is one.
EXPECTED_NOISE = "Failed to load resource: the server responded with a status of 4"


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[SigningDesk]:
    with open_desk(tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def person(
    chromium: Browser, desk: SigningDesk, *, at: dict[str, int], name: str, density: int = 2, scripts: bool = True
) -> Iterator[Page]:
    """Give a fresh browser window; in the end nothing may have been said on the console or asked of anybody else."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(
        viewport=at,
        device_scale_factor=density if at is PHONE else 1,
        has_touch=at is PHONE,
        java_script_enabled=scripts,
        locale="en-GB",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    strangers: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED_NOISE):
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: strangers.append(request.url) if is_foreign(request.url, desk) else None)
    try:
        yield page
        page.screenshot(path=SCREENSHOTS / f"{name}-{at['width']}-end.png")
    finally:
        context.close()
    assert complaints == []
    assert strangers == []


def is_foreign(url: str, desk: SigningDesk) -> bool:
    return not url.startswith((f"{desk.url}/", "data:"))


def shoot(page: Page, name: str) -> None:
    for picture in page.locator("img:not([loading])").all():
        picture.evaluate("picture => picture.decode()")
    page.screenshot(path=SCREENSHOTS / f"{name}-{page.viewport_size['width']}.png")


def open_document(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Open the document").click()
    expect(page.get_by_role("button", name="Finish")).to_be_visible()


def go_on(page: Page) -> Locator:
    """Press "Next field" and return the control where that leads."""
    page.get_by_role("button", name="Next field").click()
    control = page.locator(".field.current .entry")
    expect(control).to_be_focused()
    return control


def draw(page: Page) -> None:
    box = page.locator("#ink-canvas").bounding_box()
    left, middle = box["x"] + 40, box["y"] + box["height"] / 2
    page.mouse.move(left, middle)
    page.mouse.down()
    for step in range(1, 50):
        page.mouse.move(left + step * 5, middle + math.sin(step / 3) * 40 * (1 - step / 60))
    page.mouse.up()


def tab_to(page: Page, control: Locator) -> None:
    """Press the tabulator until the control has the focus."""
    for _ in range(60):
        if control.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{control} cannot be reached with the keyboard.")


def entry(page: Page, selector: str) -> Locator:
    return page.locator(f".field{selector} .entry").first


def touch(page: Page, selector: str) -> None:
    """Press the place on the paper; on a phone it is larger than the control."""
    page.locator(f".field{selector}").first.click()


def consent(page: Page) -> Locator:
    return page.get_by_label("I agree to use electronic records")


def finish(page: Page) -> None:
    consent(page).check()
    page.get_by_role("button", name="Finish").click()


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def sign_at_once(page: Page, link: str) -> None:
    open_document(page, link)
    touch(page, "[data-control=ink]")
    page.get_by_role("tab", name="Type").click()
    page.get_by_role("button", name="Use signature").click()
    finish(page)


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


def test_following_the_link_records_no_view_until_the_button_is_pressed(desk, chromium):
    envelope = desk.send(SIGNATURE_ONLY)
    link = desk.link_for("Jane Doe")
    for _ in range(2):
        assert requests.get(link, timeout=10).status_code == 200
    assert "document_opened" not in desk.audit_events(envelope)

    with person(chromium, desk, at=PHONE, name="view") as page:
        open_document(page, link)
    assert "document_opened" in desk.audit_events(envelope)


def test_a_link_followed_from_another_site_such_as_a_webmail_works(desk, chromium):
    desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=DESKTOP, name="webmail") as page:
        page.goto(f"data:text/html,<a href='{desk.link_for('Jane Doe')}'>Open the document</a>")
        page.get_by_role("link").click()
        page.get_by_role("button", name="Open the document").click()
        expect(page.get_by_role("button", name="Finish")).to_be_visible()


def test_a_used_link_says_that_it_was_used(desk, chromium):
    desk.send((*SIGNATURE_ONLY, SECOND_SIGNATURE), signers=("Jane Doe", "John Roe"))
    with person(chromium, desk, at=PHONE, name="used") as page:
        link = desk.link_for("Jane Doe")
        sign_at_once(page, link)
        expect(heading(page)).to_have_text("You have signed.")

        page.goto(link)

        expect(heading(page)).to_have_text("You have signed.")
        expect(page.get_by_role("button")).to_have_count(0)


def test_a_withdrawn_document_says_so_even_while_it_is_open(desk, chromium):
    envelope = desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=DESKTOP, name="withdrawn") as page:
        open_document(page, desk.link_for("Jane Doe"))
        touch(page, "[data-control=ink]")
        draw(page)
        page.get_by_role("button", name="Use signature").click()
        desk.cancel(envelope)
        finish(page)
        expect(heading(page)).to_have_text("This document was withdrawn.")


def test_a_foreign_link_and_the_page_of_somebody_else_show_nothing(desk, chromium):
    desk.send(SIGNATURE_ONLY)
    link = desk.link_for("Jane Doe")
    with person(chromium, desk, at=PHONE, name="opened") as page:
        open_document(page, link)
        address = page.url
        assert link.rpartition("/")[2] not in page.content() + address
    with person(chromium, desk, at=PHONE, name="unknown") as page:
        for foreign in (address, f"{desk.url}/signing/not-a-link", f"{link}x"):
            assert page.goto(foreign).status == 404
            expect(heading(page)).to_have_text("This link does not work.")
            assert "Jane" not in page.content()


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


def test_a_browser_without_scripts_is_told_what_is_missing(desk, chromium):
    desk.send(SIGNATURE_ONLY)
    with person(chromium, desk, at=PHONE, name="scriptless", scripts=False) as page:
        page.goto(desk.link_for("Jane Doe"))
        page.get_by_role("button", name="Open the document").click()
        expect(page.locator("noscript p")).to_contain_text("Signing needs JavaScript.")
        expect(page.get_by_role("button")).to_have_count(0)
