"""Two signers, an approver and a copy: the whole ceremony, by mouse and keyboard, on two screens, in two languages.

Every page on the way is looked over by axe-core and kept as a picture.
"""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from app.signer.languages import Language, speaking, tell
from tests.e2e.accessibility import assert_accessible
from tests.e2e.signing_desk import DOCUMENT_NAME, EVERY_KIND, Place
from tests.e2e.signing_person import DESKTOP, PHONE, draw, heading, person, shoot, tab_to

pytestmark = pytest.mark.browser

PEOPLE = ("Jane Doe", "John Roe", "Anna Boss", "Carl Copy")
DESIGNATIONS = {"Anna Boss": "Approver", "Carl Copy": "CC"}
PLACES = (
    Place(type="signature", page=1, x=11, y=80, width=28, height=6),
    Place(type="signature", page=2, x=11, y=80, width=28, height=6, recipient=2),
    Place(type="approval_signature", page=2, x=11, y=88, width=28, height=6, recipient=3),
    Place(type="approval_checkmark", page=2, x=60, y=88, width=4, height=4, recipient=3),
)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody at a page, who knows one language and uses either the mouse or the keyboard."""

    page: Page
    language: Language
    by_keyboard: bool
    name: str

    def read(self, text: str) -> str:
        with speaking(self.language):
            return tell(text)

    def button(self, text: str) -> Locator:
        return self.page.get_by_role("button", name=self.read(text), exact=True)

    def use(self, control: Locator, *, key: str = "Enter") -> None:
        if self.by_keyboard:
            tab_to(self.page, control)
            self.page.keyboard.press(key)
        else:
            control.click()

    def look(self, what: str) -> None:
        shoot(self.page, f"full-{self.language}-{self.name}-{what}")
        assert_accessible(self.page)

    def open(self, link: str) -> None:
        self.page.goto(link)
        self.look("landing")
        self.use(self.button("Open the document"))
        expect(self.button("Finish")).to_be_visible()
        self.look("document")

    def sign(self) -> None:
        self.use(self.button("Next field"))
        ink = self.page.locator(".field.current .entry.ink")
        expect(ink).to_be_focused()
        self.use(ink)
        expect(self.page.get_by_role("dialog")).to_be_visible()
        if not self.by_keyboard:
            draw(self.page)
        self.look("dialog")
        self.use(self.button("Use signature"))
        expect(self.page.get_by_role("dialog")).to_be_hidden()

    def tick(self) -> None:
        self.use(self.button("Next field"))
        box = self.page.locator(".field.current .entry")
        expect(box).to_be_focused()
        self.use(box, key="Space")

    def finish(self) -> None:
        self.use(self.page.locator("#consent"), key="Space")
        self.look("ready")
        self.use(self.button("Finish"))

    def reads(self, title: str) -> None:
        expect(heading(self.page)).to_have_text(self.read(title))
        self.look("end")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("by_keyboard", [False, True], ids=["mouse", "keyboard"])
@pytest.mark.parametrize("at", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_two_sign_one_approves_and_one_gets_a_copy(desk, chromium, at, by_keyboard, language):
    envelope = desk.send(PLACES, signers=PEOPLE, designations=DESIGNATIONS)
    copies_before = len(desk.mails_to("Carl Copy"))

    def visit(name):
        window = person(chromium, desk, at=at, name=f"full-{language}-{name.split()[0].lower()}", locale=language.value)
        return window, desk.link_for(name)

    for name, title in (("Jane Doe", "You have signed."), ("John Roe", "You have signed.")):
        window, link = visit(name)
        with window as page:
            signer = Visitor(page=page, language=language, by_keyboard=by_keyboard, name=name.split()[0].lower())
            signer.open(link)
            signer.sign()
            signer.finish()
            signer.reads(title)
    window, link = visit("Anna Boss")
    with window as page:
        approver = Visitor(page=page, language=language, by_keyboard=by_keyboard, name="anna")
        approver.open(link)
        expect(page.locator(".entered")).to_have_count(2)
        assert page.locator(".entered > span").evaluate_all(
            "texts => texts.every(text => text.offsetWidth <= text.parentElement.clientWidth)"
        )
        approver.sign()
        approver.tick()
        approver.finish()
        approver.reads("Everyone has signed.")
        desk.work()
        page.reload()
        expect(page.get_by_role("link", name=approver.read("Download the signed document"))).to_be_visible()
        approver.look("sealed")

    assert [user["finished_on"] is not None for user in desk.users(envelope)] == [True, True, True, False]
    [copy] = desk.mails_to("Carl Copy")[copies_before:]
    assert copy["Subject"] == f"Completed: {DOCUMENT_NAME}"
    [attachment] = copy.iter_attachments()
    assert attachment.get_content().startswith(b"%PDF-")
    [*_, thanks] = desk.mails_to("Anna Boss")
    assert thanks["Subject"] == f"{'Abgeschlossen' if language is Language.GERMAN else 'Completed'}: {DOCUMENT_NAME}"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("at", "by_keyboard"), [(PHONE, True), (DESKTOP, False)], ids=["keyboard", "mouse"])
def test_an_approver_declines(desk, chromium, at, by_keyboard, language):
    envelope = desk.send(
        (
            Place(type="approval_checkmark", page=1, x=11, y=80, width=4, height=4),
            Place(type="signature", page=1, x=60, y=80, width=28, height=6, recipient=2),
        ),
        signers=("Anna Boss", "Jane Doe"),
        designations=DESIGNATIONS,
    )
    link = desk.link_for("Anna Boss")
    with person(chromium, desk, at=at, name=f"refusing-{language}", locale=language.value) as page:
        approver = Visitor(page=page, language=language, by_keyboard=by_keyboard, name="refusing")
        approver.open(link)
        approver.use(page.locator("#decline"))
        page.get_by_label(approver.read("Reason")).fill("Zu teuer")
        approver.look("decline")
        approver.use(page.get_by_role("dialog").get_by_role("button", name=approver.read("Decline"), exact=True))
        approver.reads("This document was declined.")
    assert [user["decline_reason"] for user in desk.users(envelope)] == ["Zu teuer", None]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("at", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_links_that_lead_nowhere_say_so_kindly(desk, chromium, at, language):
    expired = desk.send(EVERY_KIND)
    expired_link = desk.link_for("Jane Doe")
    desk.expire(expired)
    cancelled = desk.send(EVERY_KIND)
    cancelled_link = desk.link_for("Jane Doe")
    desk.cancel(cancelled)
    endings = (
        ("expired", expired_link, "This link has expired."),
        ("cancelled", cancelled_link, "This document was withdrawn."),
        ("unknown", f"{desk.url}/signing/nobody", "This link does not work."),
    )
    with person(chromium, desk, at=at, name=f"nowhere-{language}", locale=language.value) as page:
        for name, link, title in endings:
            page.goto(link)
            Visitor(page=page, language=language, by_keyboard=False, name=name).reads(title)


@pytest.mark.parametrize("at", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_kind_of_field_is_accessible_empty_and_wrong(desk, chromium, at):
    desk.send(EVERY_KIND)
    link = desk.link_for("Jane Doe")
    with person(chromium, desk, at=at, name="every-kind") as page:
        signer = Visitor(page=page, language=Language.ENGLISH, by_keyboard=False, name="every-kind")
        signer.open(link)
        for _ in EVERY_KIND:
            signer.button("Next field").click()
            assert_accessible(page)
        signer.button("Finish").click()
        expect(page.locator(".field.wrong").first).to_be_visible()
        shoot(page, "wrong")
        assert_accessible(page)
