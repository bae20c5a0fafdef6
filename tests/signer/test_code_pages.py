"""The pages that ask for a one-time code, as a browser meets them."""

import re

import pytest

from app.signer.codes import MAX_WRONG_TRIES
from tests.signer.service import PUBLIC_URL
from tests.signer.test_codes import REQUIRED, mailed_code, wrong


class Visitor:
    """A browser that follows the newest link of the first person."""

    def __init__(self, service, language="en"):
        self.service = service
        self.browser = service.app.test_client()
        self.headers = {"Accept-Language": language}
        self.page = self.get(f"/signing/{service.token()}")

    def get(self, path):
        return self.browser.get(path, base_url=PUBLIC_URL, headers=self.headers)

    def press(self, part, **form):
        """Send the form of the last page whose address has this part, and go where that leads."""
        action = next(path for path in re.findall(r'<form[^>]* action="([^"]+)"', self.page.text) if part in path)
        form["form_key"] = re.search(r'name="form_key" value="([^"]+)"', self.page.text)[1]
        self.page = self.browser.post(action, data=form, base_url=PUBLIC_URL, headers=self.headers)
        if self.page.status_code == 303:
            self.location = self.page.headers["Location"]
            self.answer, self.page = self.page, self.get(self.location)
        return self.page

    def receive(self):
        self.press("/open")
        self.press("/code/send")
        self.service.work()
        return mailed_code(self.service)


@pytest.fixture
def visitor(service):
    service.send(**REQUIRED)
    return Visitor(service)


def test_the_document_opens_with_the_code_and_not_before(visitor):
    assert visitor.page.status_code == 200
    assert "Before the document is shown" in visitor.press("/open").text
    place = visitor.location
    assert visitor.get(f"{place}/pages/1.png").status_code == 404
    assert visitor.get(f"{place}/texts.json").status_code == 404
    assert "is on its way to person1@example.test" in visitor.press("/code/send").text
    visitor.service.work()

    page = visitor.press("/code", code=mailed_code(visitor.service))

    assert 'id="ceremony"' in page.text
    assert visitor.get(f"{place}/pages/1.png").status_code == 200
    assert visitor.get(f"{place}/texts.json").status_code == 200


def test_looking_sends_no_code(visitor):
    visitor.press("/open")
    place = visitor.location
    for path in (place, f"{place}/code", f"{place}/code/send", f"/signing/{visitor.service.token()}"):
        assert visitor.get(path).status_code in {200, 303}
    visitor.service.work()
    assert len(visitor.service.mails()) == 1


def test_the_confirmed_browser_keeps_a_cookie_for_this_person_only(visitor):
    code = visitor.receive()
    visitor.press("/code", code=code)

    name, rest = visitor.answer.headers["Set-Cookie"].split("=", 1)
    assert name == "countersign_confirmed"
    parts = {part.strip() for part in rest.split(";")[1:]}
    assert parts == {"Secure", "HttpOnly", "SameSite=Strict", f"Path={visitor.location}"}


def test_the_mailed_link_opened_again_asks_for_no_other_code_in_this_browser(visitor):
    visitor.press("/code", code=visitor.receive())
    visitor.page = visitor.get(f"/signing/{visitor.service.token()}")
    assert 'id="ceremony"' in visitor.press("/open").text


def test_another_browser_has_to_enter_a_code_of_its_own(visitor, time):
    visitor.press("/code", code=visitor.receive())
    stranger = Visitor(visitor.service)
    assert 'id="ceremony"' not in stranger.press("/open").text
    time.advance(seconds=61)
    assert 'id="ceremony"' in stranger.press("/code", code=stranger_code(stranger)).text


def stranger_code(stranger):
    stranger.press("/code/send")
    stranger.service.work()
    return mailed_code(stranger.service)


def test_a_wrong_code_is_said_beside_its_field(visitor):
    page = visitor.press("/code", code=wrong(visitor.receive()))
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert "This code is not right, or it does not work any more." in page.text


def test_used_up_and_stale_codes_read_like_wrong_ones(visitor, time):
    code = visitor.receive()
    for _ in range(MAX_WRONG_TRIES):
        page = visitor.press("/code", code=wrong(code))
    assert "This code is not right, or it does not work any more." in page.text
    assert "Send me the code" in page.text
    time.advance(minutes=1)
    visitor.press("/code/send")
    visitor.service.work()
    stale = mailed_code(visitor.service)
    time.advance(minutes=10)
    assert "This code is not right, or it does not work any more." in visitor.press("/code", code=stale).text


def test_who_asks_too_often_is_asked_to_wait(visitor):
    visitor.receive()
    page = visitor.press("/code/send")
    assert page.status_code == 429
    entering, sending = page.text.split("/code/send")
    assert "Please wait a little before you ask for another code." in sending
    assert 'name="code"' in entering
    assert "aria-invalid" not in entering


def test_a_phone_offers_the_code_from_the_mail_and_digits_to_type(visitor):
    visitor.receive()
    field = re.search(r'<input type="text" id="code"[^>]*>', visitor.page.text)[0]
    assert 'autocomplete="one-time-code"' in field
    assert 'inputmode="numeric"' in field


@pytest.mark.parametrize("action", ["code", "code/send"])
def test_forms_of_other_sites_are_refused(visitor, action):
    visitor.press("/open")
    answer = visitor.browser.post(f"{visitor.location}/{action}", data={"code": "123456"}, base_url=PUBLIC_URL)
    assert answer.status_code == 403


def test_nobody_without_the_link_is_mailed_a_code(visitor):
    visitor.press("/open")
    answer = visitor.service.app.test_client().post(f"{visitor.location}/code/send", base_url=PUBLIC_URL)
    assert answer.status_code == 404


def test_what_was_filled_in_too_late_leads_to_the_code(visitor, time):
    visitor.press("/code", code=visitor.receive())
    time.advance(hours=13)
    page = visitor.press("/finish", consent="yes")
    assert page.status_code == 409
    assert "Send me the code" in page.text


def test_a_withdrawn_document_says_so_instead(visitor):
    visitor.press("/open")
    [envelope] = visitor.service.call("GET", "/signing-request-api/signing-requests").json["results"]
    visitor.service.cancel(envelope["id"])
    assert "This document was withdrawn." in visitor.press("/code/send").text


def test_the_page_speaks_german(service):
    service.send(**REQUIRED)
    visitor = Visitor(service, language="de")
    assert "Bevor das Dokument gezeigt wird" in visitor.press("/open").text
    visitor.press("/code/send")
    service.work()
    assert "Dieser Code stimmt nicht" in visitor.press("/code", code="").text
