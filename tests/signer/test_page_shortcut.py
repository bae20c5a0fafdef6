"""Pictures that were drawn before are answered without Flask, and nobody can tell by anything but the time."""

import pytest

from app.signer.page_guard import form_key
from tests.logbook import Logbook
from tests.signer.service import CLIENT, make_field, make_recipient


@pytest.fixture
def token(service):
    service.create(recipients=[make_recipient(1), make_recipient(2)], fields=[make_field(1), make_field(2)])
    service.work()
    return service.token()


@pytest.fixture
def browser(service):
    return service.app.test_client()


@pytest.fixture
def picture(browser, token):
    """The address of a picture that was drawn before, and that this browser may see."""
    opened = browser.post(f"/signing/{token}/open", data={"form_key": form_key(token)})
    address = f"{opened.headers['Location']}/pages/1.png"
    browser.get(address)
    return address


def test_it_is_the_answer_of_the_app(browser, picture):
    by_app = browser.head(picture, headers={"X-Request-Id": "one"})
    shown = browser.get(picture, headers={"X-Request-Id": "one"})

    assert shown.data.startswith(b"\x89PNG")
    assert sorted(shown.headers) == sorted(by_app.headers)


def test_it_is_logged_with_its_id(browser, picture):
    logbook = Logbook()
    answer = browser.get(picture, headers={"X-Request-Id": "one"})

    line = logbook.line("request answered")
    assert answer.headers["X-Request-Id"] == line["request_id"] == "one"
    assert (line["method"], line["route"], line["status"]) == (
        "GET",
        "/ceremony/<recipient_id>/pages/<int:number>.png",
        200,
    )


def test_a_link_that_is_over_shows_it_no_longer(service, browser, picture, token):
    service.ceremony.decline(token, reason="", client=CLIENT)
    assert browser.get(picture).status_code == 404


def test_nobody_else_sees_it(service, picture):
    assert service.app.test_client().get(picture).status_code == 404


def test_a_page_that_does_not_exist_is_not_found(browser, picture):
    assert browser.get(picture.replace("1.png", "9.png")).status_code == 404


def test_a_storage_that_fails_is_answered_by_the_app(service, browser, picture, tmp_path):
    (kept,) = (tmp_path / "storage").glob("pages/*/1-*.png")
    kept.unlink()
    kept.mkdir()
    logbook = Logbook()

    assert browser.get(picture).status_code == 500
    assert logbook.line("unhandled error")
