"""What a signing link shows in a real browser, and what it keeps to itself."""

from datetime import UTC, datetime

import pytest
import requests
from playwright.sync_api import expect

from tests.e2e.signing_desk import SECOND_SIGNATURE, SIGNATURE_ONLY
from tests.e2e.signing_person import (
    DESKTOP,
    PHONE,
    draw,
    finish,
    heading,
    open_document,
    person,
    sign_at_once,
    touch,
)

pytestmark = pytest.mark.browser


def test_following_the_link_records_no_view_until_the_button_is_pressed(desk, chromium):
    envelope = desk.send(SIGNATURE_ONLY)
    link = desk.link_for("Jane Doe")
    for _ in range(2):
        assert requests.get(link, timeout=10).status_code == 200
    assert "document_opened" not in desk.audit_events(envelope)

    with person(chromium, desk, at=PHONE, name="view") as page:
        open_document(page, link)
    assert "document_opened" in desk.audit_events(envelope)


def test_times_are_told_in_the_zone_of_the_reader_which_is_named(desk, chromium):
    envelope = desk.send(SIGNATURE_ONLY)
    desk.expire_at(envelope, datetime(2036, 1, 2, 3, 4, tzinfo=UTC))
    with person(chromium, desk, at=PHONE, name="zone") as page:
        page.goto(desk.link_for("Jane Doe"))
        expect(page.locator("time")).to_have_text("1 January 2036 at 22:04 GMT-5")
        expect(page.locator("time")).to_have_attribute("title", "2 January 2036, 03:04 UTC")


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
