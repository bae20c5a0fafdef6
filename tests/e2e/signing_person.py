"""A person at a browser: opens links, fills in fields, signs. Screenshots are kept in `var/screenshots/`."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.e2e.signing_desk import SigningDesk

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

#: What Chromium writes for any answer that is not a success; a page that says "expired" is one.
EXPECTED_NOISE = "Failed to load resource: the server responded with a status of 4"


@contextmanager
def person(
    chromium: Browser,
    desk: SigningDesk,
    *,
    at: dict[str, int],
    name: str,
    density: int = 2,
    scripts: bool = True,
    locale: str = "en-GB",
    zone: str = "America/New_York",
) -> Iterator[Page]:
    """Give a fresh browser window; in the end nothing may have been said on the console or asked of anybody else."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(
        viewport=at,
        device_scale_factor=density if at is PHONE else 1,
        has_touch=at is PHONE,
        java_script_enabled=scripts,
        locale=locale,
        timezone_id=zone,
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
    assert not complaints, complaints
    assert not strangers, strangers


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
