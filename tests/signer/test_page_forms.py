"""What signers send: finishing, declining, and whose forms are taken."""

import pytest

from app.signer.ceremony import CeremonyState, InvalidAnswers
from app.signer.page_guard import form_key
from app.signer.pages import MAX_FORM_BYTES
from tests.signer.ceremony_in_memory import OTHER_TOKEN, TOKEN, make_field, make_view
from tests.signer.page_browser import PAGE, PUBLIC_URL, get, make_ceremony, post, signing_browser

# --- finishing and declining -----------------------------------------------------------------------------------------


def test_what_was_entered_reaches_the_ceremony_in_its_own_words():
    fields = (
        make_field("s1", "signature"),
        make_field("s2", "signature"),
        make_field("s3", "approval_signature", required=False),
        make_field("i", "initial"),
        make_field("t", "text"),
        make_field("e", "text_area", required=False),
        make_field("c", "checkbox"),
        make_field("r1", "radio_buttons", group="g"),
        make_field("r2", "radio_buttons", group="g"),
    )
    browser = signing_browser(ceremony := make_ceremony(make_view(fields=fields)))
    form = {"ink.signature": "typed:Jane", "ink.initial": "typed:JD", "consent": "yes", "stranger": "x"}
    form |= {"field.s1": "adopted", "field.s2": "adopted", "field.s3": "", "field.i": "adopted"}
    form |= {"field.t": "Hello", "field.e": "", "field.c": "true", "group.g": "r2"}

    response = post(browser, "finish", data=form)

    assert response.status_code == 303
    assert response.headers["Location"] == PAGE
    [(_, (values, consent, _))] = ceremony.calls
    assert consent is True
    assert values == {
        "s1": "typed:Jane", "s2": "typed:Jane", "i": "typed:JD", "t": "Hello", "c": "true", "r2": "true"
    }  # fmt: skip


def test_after_finishing_the_page_says_so():
    browser = signing_browser(make_ceremony())

    response = post(browser, "finish", data={"field.f1": "x", "consent": "yes"}, follow_redirects=True)

    assert "You have signed." in response.text
    assert "You will get a copy by e-mail when everyone has." in response.text


def test_consent_is_given_by_its_tick_alone():
    browser = signing_browser(ceremony := make_ceremony())

    post(browser, "finish", data={"field.f1": "x"})

    [(_, (_, consent, _))] = ceremony.calls
    assert consent is False


def test_refused_answers_come_back_with_the_reason_beside_them():
    refusal = InvalidAnswers(field_errors={"f1": "Too long."}, form_errors=["Please agree."])
    browser = signing_browser(make_ceremony(refusal=refusal))

    response = post(browser, "finish", data={"field.f1": 'Say "hi" <b>', "ink.signature": "typed:Jane"})

    assert response.status_code == 422
    assert '<p class="error" id="field-f1-error">Too long.</p>' in response.text
    assert "<p>Please agree.</p>" in response.text
    assert "Say &#34;hi&#34; &lt;b&gt;" in response.text
    assert 'name="ink.signature" value="typed:Jane"' in response.text


def test_declining_passes_on_the_reason():
    browser = signing_browser(ceremony := make_ceremony())

    response = post(browser, "decline", data={"reason": "Wrong amount"}, follow_redirects=True)

    [(_, (reason, _))] = ceremony.calls
    assert reason == "Wrong amount"
    assert "This document was declined." in response.text


def test_a_refused_reason_is_shown_again():
    refusal = InvalidAnswers(field_errors={"reason": "At most 500."})
    browser = signing_browser(make_ceremony(refusal=refusal))

    response = post(browser, "decline", data={"reason": "long"})

    assert response.status_code == 422
    assert "At most 500." in response.text
    assert "data-open" in response.text


def test_a_refused_reason_loses_no_answer_that_was_kept_before():
    browser = signing_browser(make_ceremony(make_view(draft={"f1": "Harbour 7"}), refusal=InvalidAnswers()))
    page = post(browser, "decline", data={"reason": "\x01"}).text
    assert 'value="Harbour 7"' in page


@pytest.mark.parametrize("action", ["finish", "decline"])
def test_what_was_withdrawn_while_it_was_filled_in_says_so(action):
    browser = signing_browser(ceremony := make_ceremony())
    ceremony.closing = CeremonyState.CANCELLED

    response = post(browser, action, data={"consent": "yes"})

    assert response.status_code == 409
    assert "This document was withdrawn." in response.text


@pytest.mark.parametrize("action", ["finish", "decline"])
def test_asking_again_for_the_address_of_a_form_leads_back_to_the_page(action):
    response = get(signing_browser(make_ceremony()), f"{PAGE}/{action}")

    assert response.status_code == 303
    assert response.headers["Location"] == PAGE


def test_a_form_beyond_all_measure_is_refused():
    browser = signing_browser(ceremony := make_ceremony())

    response = post(browser, "finish", data={"field.f1": "x" * MAX_FORM_BYTES})

    assert response.status_code == 413
    assert ceremony.calls == []


def test_a_form_with_two_large_drawings_is_accepted():
    browser = signing_browser(ceremony := make_ceremony())

    post(browser, "finish", data={"ink.signature": "d" * 400_000, "ink.initial": "d" * 400_000})

    assert len(ceremony.calls) == 1


# --- who may post ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "http://sign.example.com"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "null"},
    ],
)
@pytest.mark.parametrize("action", ["finish", "decline"])
def test_forms_of_other_sites_are_refused(headers, action):
    browser = signing_browser(ceremony := make_ceremony())

    response = post(browser, action, headers=headers)

    assert response.status_code == 403
    assert ceremony.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},  # what browsers send under no-referrer
        {"Origin": "null"},
    ],
)
def test_our_own_forms_are_accepted(headers):
    browser = signing_browser(make_ceremony())

    assert post(browser, "decline", headers=headers).status_code == 303


@pytest.mark.parametrize("key", [None, "", "wrong", "é", form_key(OTHER_TOKEN)])
@pytest.mark.parametrize("path", [f"/signing/{TOKEN}/open", f"{PAGE}/finish", f"{PAGE}/decline"])
def test_a_form_without_the_key_of_this_link_changes_nothing(key, path):
    browser = signing_browser(ceremony := make_ceremony())

    response = browser.post(path, data={} if key is None else {"form_key": key}, base_url=PUBLIC_URL)

    assert response.status_code == 403
    assert ceremony.calls == []


def test_the_forms_carry_their_key():
    browser = signing_browser(make_ceremony())

    assert get(browser, f"/signing/{TOKEN}").text.count(form_key(TOKEN)) == 1
    assert get(browser, PAGE).text.count(form_key(TOKEN)) == 2
