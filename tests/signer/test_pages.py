"""What signers see: the landing page, the signing page, and every page that only says how things stand."""

import re
from types import SimpleNamespace

import pytest

from app.domain.ports import Box
from app.signer.ceremony import CeremonyState, Client
from app.signer.ceremony_view import MAX_USER_AGENT
from app.signer.entered import Entered, Look
from app.signer.page_guard import form_key
from tests.signer.ceremony_in_memory import JANE, JOHN, PNG, TOKEN, make_field, make_view
from tests.signer.page_browser import (
    PAGE,
    get,
    make_browser,
    make_ceremony,
    open_link,
    post,
    signing_browser,
)

# --- the link --------------------------------------------------------------------------------------------------------


def test_following_the_link_says_what_it_is_for_and_changes_nothing():
    ceremony = make_ceremony()

    response = get(make_browser(ceremony), f"/signing/{TOKEN}")

    assert response.status_code == 200
    assert "Services Agreement" in response.text
    assert "Jane Doe" in response.text
    assert "24 December 2026, 18:30 UTC" in response.text
    assert ceremony.calls == []
    assert "Set-Cookie" not in response.headers


def test_the_button_records_the_view_with_the_address_and_browser_of_the_person():
    ceremony = make_ceremony()

    open_link(make_browser(ceremony), headers={"User-Agent": "Browser/1"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})

    assert ceremony.calls == [("open", Client(ip="192.0.2.7", user_agent="Browser/1"))]


def test_a_browser_that_says_more_of_itself_than_is_kept_can_sign_too():
    ceremony = make_ceremony()
    browser = signing_browser(ceremony)
    post(browser, "finish", data={"consent": "yes"}, headers={"User-Agent": "App/1 " * 200})
    [(_, (_, _, client))] = ceremony.calls
    assert client.user_agent == ("App/1 " * 200)[:MAX_USER_AGENT]


def test_opening_trades_the_link_for_a_cookie_that_scripts_and_other_sites_cannot_use():
    response = open_link(make_browser(make_ceremony()))

    assert response.status_code == 303
    assert response.headers["Location"] == PAGE
    cookie = response.headers["Set-Cookie"]
    assert {part.strip() for part in cookie.split(";")} == {
        f"countersign_link={TOKEN}",
        "Secure",
        "HttpOnly",
        f"Path={PAGE}",
        "SameSite=Strict",
    }


def test_the_cookie_works_without_tls_when_the_service_has_none():
    browser = make_browser(make_ceremony(), public_url="http://127.0.0.1:8001")

    response = browser.post(f"/signing/{TOKEN}/open", data={"form_key": form_key(TOKEN)})

    assert "Secure" not in response.headers["Set-Cookie"]


def test_no_page_behind_the_cookie_shows_the_token():
    browser = signing_browser(make_ceremony())

    assert TOKEN not in get(browser, PAGE).text


@pytest.mark.parametrize("token", ["unknown", "%00", "..", "a" * 5000, "é"])
def test_unknown_and_malformed_links_get_the_same_answer(token):
    browser = make_browser(make_ceremony())

    unknown, malformed = get(browser, "/signing/never-made"), get(browser, f"/signing/{token}")

    assert malformed.status_code == unknown.status_code == 404
    assert malformed.text == unknown.text
    assert "This link does not work." in unknown.text


@pytest.mark.parametrize(
    ("state", "status", "sentence"),
    [
        (CeremonyState.WAITING, 200, "It is not your turn yet."),
        (CeremonyState.SIGNED, 200, "You have signed."),
        (CeremonyState.COMPLETED, 200, "Everyone has signed."),
        (CeremonyState.DECLINED, 200, "This document was declined."),
        (CeremonyState.CANCELLED, 410, "This document was withdrawn."),
        (CeremonyState.EXPIRED, 410, "This link has expired."),
    ],
)
def test_a_link_that_cannot_be_signed_now_says_why(state, status, sentence):
    browser = make_browser(make_ceremony(make_view(state=state)))

    response = get(browser, f"/signing/{TOKEN}")

    assert response.status_code == status
    assert sentence in response.text
    assert "<form" not in response.text


def test_opening_what_was_withdrawn_in_between_gives_no_cookie():
    browser = make_browser(make_ceremony(closing=CeremonyState.CANCELLED))

    response = open_link(browser)

    assert response.status_code == 409
    assert "Set-Cookie" not in response.headers
    assert "This document was withdrawn." in response.text


def test_an_approver_is_asked_to_approve_and_told_that_they_did():
    browser = make_browser(make_ceremony(make_view(designation="Approver")))

    assert "asked to approve" in get(browser, f"/signing/{TOKEN}").text
    open_link(browser)
    assert "You have approved." in post(browser, "finish", data={"consent": "yes"}, follow_redirects=True).text


def test_the_signed_document_can_be_downloaded_once_everybody_is_done():
    view = make_view(state=CeremonyState.COMPLETED, download_url="https://sign.example.com/files/1?s=2")

    response = get(make_browser(make_ceremony(view)), f"/signing/{TOKEN}")

    assert 'href="https://sign.example.com/files/1?s=2"' in response.text


# --- the signing page ------------------------------------------------------------------------------------------------


def test_the_page_without_its_cookie_is_as_unknown_as_any_other():
    browser = make_browser(make_ceremony())

    assert get(browser, PAGE).status_code == 404
    assert get(browser, PAGE).text == get(browser, "/ceremony/nobody").text == get(browser, "/signing/unknown").text


def test_the_cookie_of_one_person_opens_nothing_of_another():
    browser = make_browser(make_ceremony())
    for recipient in (JANE, JOHN):
        browser.set_cookie("countersign_link", TOKEN, domain="sign.example.com", path=f"/ceremony/{recipient}")

    assert get(browser, PAGE).status_code == 200
    assert get(browser, f"/ceremony/{JOHN}").status_code == 404
    assert get(browser, f"/ceremony/{JOHN}/pages/1.png").status_code == 404


def test_every_kind_of_field_is_a_labelled_control_in_its_place():
    types = ["signature", "initial", "text", "text_area", "url", "date", "checkbox", "radio_buttons", "dropdown"]
    types += ["approval_signature", "approval_checkmark", "approval_date"]
    fields = tuple(make_field(f"f{n}", type_, y=float(n), options=("One", "Two")) for n, type_ in enumerate(types))
    browser = signing_browser(make_ceremony(make_view(fields=fields)))

    text = get(browser, PAGE).text

    for number, field in enumerate(fields):
        assert f'id="field-{field.id}"' in text
        assert f'for="field-{field.id}"' in text
        assert f'data-y="{float(number)}"' in text
    assert "<option>Two</option>" in text


def test_a_text_that_the_signed_document_hides_is_hidden_on_its_page():
    hidden = (Box(page=2, x=11.5, y=20.0, width=12.0, height=2.0),)
    browser = signing_browser(make_ceremony(make_view(hidden_texts=hidden)))
    first, second = get(browser, PAGE).text.split('<section class="page"')[1:]
    blank = '<div class="blank" data-x="11.5" data-y="20.0" data-width="12.0" data-height="2.0"></div>'
    assert blank not in first
    assert blank in second


def test_what_others_entered_stands_on_its_page():
    box = Box(page=1, x=1.0, y=2.0, width=3.0, height=4.0)
    looks = {Look.TEXT: "<b>", Look.SIGNATURE: "Ana", Look.TICK: "true"}
    entered = tuple(Entered(box=box, look=look, value=value) for look, value in looks.items())
    text = get(signing_browser(make_ceremony(make_view(entered=entered))), PAGE).text
    assert '<div class="entered" data-look="text" data-x="1.0" data-y="2.0" data-width="3.0" data-height="4.0">' in text
    assert "<span>&lt;b&gt;</span>" in text
    assert "<span>Ana</span>" in text
    assert 'aria-label="Ticked"' in text


def test_a_drawn_signature_is_sent_once_for_all_the_places_where_it_stands():
    box = Box(page=1, x=1.0, y=2.0, width=3.0, height=4.0)
    drawn = [f"data:image/png;base64,{letters}" for letters in ("AA", "aa", "AA", "AA")]
    entered = tuple(Entered(box=box, look=Look.PICTURE, value=value) for value in drawn)
    text = get(signing_browser(make_ceremony(make_view(entered=entered))), PAGE).text
    assert re.findall(r'<img data-picture="(\d)" alt="Signature">', text) == ["0", "1", "0", "0"]
    assert text.count("data:image/png;base64,AA") == 1


def test_radio_buttons_of_a_group_count_as_one_thing_to_do():
    fields = (
        make_field("a", "radio_buttons", y=1.0, group="g"),
        make_field("b", "radio_buttons", y=2.0, group="g"),
        make_field("c", "text", y=3.0),
    )
    browser = signing_browser(make_ceremony(make_view(fields=fields)))

    text = get(browser, PAGE).text

    assert re.findall(r"field (\d) of (\d)", text) == [("1", "2"), ("1", "2"), ("2", "2")]


def test_page_pictures_reserve_their_place_and_load_when_needed():
    browser = signing_browser(make_ceremony())

    first, second = re.findall(r"<img[^>]+>", get(browser, PAGE).text)

    assert 'width="612" height="792"' in first
    assert "lazy" not in first
    assert 'loading="lazy"' in second


def test_page_pictures_may_be_kept_by_this_browser_only():
    response = get(signing_browser(make_ceremony()), f"{PAGE}/pages/2.png")

    assert response.data == PNG + b"\x02"
    assert response.mimetype == "image/png"
    assert response.headers["Cache-Control"].startswith("private, max-age=")


@pytest.mark.parametrize("number", ["0", "3", "99999999999", "-1", "one"])
def test_there_are_no_other_pages(number):
    assert get(signing_browser(make_ceremony()), f"{PAGE}/pages/{number}.png").status_code == 404


def test_page_pictures_end_with_the_ceremony():
    browser = signing_browser(ceremony := make_ceremony())
    ceremony.closing = CeremonyState.EXPIRED

    assert get(browser, f"{PAGE}/pages/1.png").status_code == 404


# --- what every answer carries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"/signing/{TOKEN}", "/signing/unknown", PAGE, f"{PAGE}/pages/9.png"])
def test_every_page_is_closed_to_other_sites_and_kept_nowhere(path):
    response = get(signing_browser(make_ceremony()), path)

    policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [f"/signing/{TOKEN}", PAGE])
def test_pages_hold_no_script_or_style_of_their_own_and_ask_nobody_else(path):
    text = get(signing_browser(make_ceremony()), path).text

    assert re.findall(r"<script(?![^>]*(src=|application/json))", text) == []
    assert re.findall(r"<style|style=|\son\w+=", text) == []
    assert re.findall(r"(?:src|href|action)=\"(?!/)", text) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/assets/page.css", "text/css"),
        ("/assets/ceremony.js", "text/javascript"),
        ("/assets/vendor/signature_pad-5.1.4.min.js", "text/javascript"),
        ("/assets/fonts/script.otf", "font/otf"),
    ],
)
def test_what_the_pages_need_is_served_by_us(path, kind):
    with get(make_browser(make_ceremony()), path) as response:
        assert response.status_code == 200
        assert response.mimetype == kind


def test_a_failure_of_ours_shows_nothing_of_its_cause():
    browser = make_browser(make_ceremony())
    browser.application.extensions["signer"] = SimpleNamespace(ceremony=None)

    response = get(browser, f"/signing/{TOKEN}")

    assert response.status_code == 500
    assert "Something went wrong." in response.text
    assert "NoneType" not in response.text
