"""A one-time code at a real browser: asked for, mistyped, entered; by mouse and keyboard, in two languages."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.signer.languages import Language
from tests.e2e.signing_desk import SIGNATURE_ONLY
from tests.e2e.signing_person import DESKTOP, PHONE, heading, person
from tests.e2e.test_full_ceremony import Visitor

pytestmark = pytest.mark.browser


def newest_code(desk):
    body = desk.mails_to("Jane Doe")[-1].get_body(("plain",)).get_content()
    return re.search(r"^(\d{6})\s*$", body, re.MULTILINE)[1]


def fits(page: Page) -> bool:
    return page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(
    ("at", "by_keyboard", "language"),
    [(PHONE, True, Language.GERMAN), (PHONE, False, Language.ENGLISH), (DESKTOP, True, Language.ENGLISH)],
    ids=["phone-keyboard-de", "phone-touch-en", "desktop-keyboard-en"],
)
def test_a_person_enters_the_code_and_signs(desk, chromium, at, by_keyboard, language):
    envelope = desk.send(SIGNATURE_ONLY, needs_code=True)
    link = desk.link_for("Jane Doe")
    with person(chromium, desk, at=at, name=f"code-{language}", locale=language.value) as page:
        signer = Visitor(page=page, language=language, by_keyboard=by_keyboard, name="code")
        page.goto(link)
        signer.use(signer.button("Open the document"))
        expect(heading(page)).to_have_text(signer.read("Confirm that it is you"))
        signer.look("ask")
        mails = len(desk.mails_to("Jane Doe"))
        signer.use(signer.button("Send me the code"))
        field = page.get_by_label(signer.read("Code"))
        expect(field).to_be_focused()
        assert len(desk.mails_to("Jane Doe")) == mails + 1
        signer.look("enter")
        code = newest_code(desk)
        page.keyboard.type(f"{(int(code) + 1) % 1_000_000:06}")
        signer.use(signer.button("Open the document"))
        expect(page.get_by_role("alert")).to_have_text(
            signer.read("This code is not right, or it does not work any more.")
        )
        expect(field).to_be_focused()
        signer.look("wrong")
        assert fits(page)
        page.keyboard.type(f"{code[:3]} {code[3:]}")
        page.keyboard.press("Enter")
        expect(signer.button("Finish")).to_be_visible()
        signer.sign()
        signer.finish()
        signer.reads("Everyone has signed.")
    events = desk.audit_events(envelope)
    assert [event for event in events if event.startswith("otp")] == ["otp_requested", "otp_refused", "otp_verified"]
    assert events.index("otp_verified") < events.index("document_opened")
