"""What was entered is there again when the person comes back."""

import pytest

from app.signer.ceremony import CeremonyClosed, CeremonyState, InvalidAnswers
from app.signer.models import Recipient
from tests.signer.ceremony_in_memory import make_field as make_view_field
from tests.signer.ceremony_in_memory import make_view
from tests.signer.page_browser import PAGE, get, make_ceremony, post, signing_browser
from tests.signer.service import CLIENT, make_field, make_recipient

TEXT = {"type": "text"}


@pytest.fixture
def opened(service):
    """Send a text, a signature and a check box to one person and a text to another; return the first one's token."""
    service.send(
        recipients=[make_recipient(1), make_recipient(2)],
        fields=[make_field(1, **TEXT), make_field(1), make_field(1, type="checkbox"), make_field(2, **TEXT)],
    )
    service.ceremony.open(service.token(), CLIENT)
    return service.token()


def by_type(view):
    return {field.type: field.id for field in view.fields}


def draft(service, number=1):
    with service.parts.database.reading() as session:
        return session.query(Recipient).filter_by(order=number).one().draft


def test_what_was_entered_is_shown_again(service, opened):
    ids = by_type(service.ceremony.find(opened))
    service.ceremony.keep_draft(opened, {ids["text"]: "Harbour 7", ids["checkbox"]: "true"})

    assert service.ceremony.find(opened).draft == {ids["text"]: "Harbour 7", ids["checkbox"]: "true"}


def test_the_last_draft_counts(service, opened):
    ids = by_type(service.ceremony.find(opened))
    service.ceremony.keep_draft(opened, {ids["text"]: "Harbour 7", ids["checkbox"]: "true"})
    service.ceremony.keep_draft(opened, {ids["text"]: "Harbour 8"})

    assert service.ceremony.find(opened).draft == {ids["text"]: "Harbour 8"}


def test_signatures_foreign_fields_and_endless_texts_are_not_kept(service, opened):
    ids = by_type(service.ceremony.find(opened))
    service.ceremony.keep_draft(
        opened, {ids["signature"]: "typed:Ana", ids["text"]: "x" * 1001, "nobody's": "x", ids["checkbox"]: "x" * 1001}
    )

    assert service.ceremony.find(opened).draft == {}


@pytest.mark.parametrize("end", ["sign", "decline", "cancel", "expire"])
def test_a_draft_does_not_outlive_the_ceremony(service, opened, end, time):
    ids = by_type(service.ceremony.find(opened))
    service.ceremony.keep_draft(opened, {ids["text"]: "Harbour 7"})
    if end == "sign":
        service.sign(1)
    elif end == "decline":
        service.ceremony.decline(opened, reason="", client=CLIENT)
    elif end == "cancel":
        service.cancel(envelope_of(service))
    else:
        time.advance(days=8)
        service.work()

    assert draft(service) is None
    with pytest.raises(CeremonyClosed):
        service.ceremony.keep_draft(opened, {ids["text"]: "Harbour 8"})


def test_the_trail_says_nothing_of_drafts(service, opened):
    envelope_id = envelope_of(service)
    before = service.get(envelope_id, "audit").json
    service.ceremony.keep_draft(opened, {})

    assert service.get(envelope_id, "audit").json == before


def envelope_of(service):
    with service.parts.database.reading() as session:
        return str(session.query(Recipient).first().envelope_id)


FIELDS = (
    make_view_field("f1"),
    make_view_field("r1", "radio_buttons", group="g"),
    make_view_field("r2", "radio_buttons", group="g"),
    make_view_field("c1", "checkbox"),
)


def test_the_page_sends_its_answers_along_the_way():
    browser = signing_browser(ceremony := make_ceremony(make_view(fields=FIELDS)))

    answer = post(browser, "draft", data={"field.f1": "Harbour 7", "group.g": "r2"})

    assert answer.status_code == 204
    assert ceremony.calls == [("keep_draft", {"f1": "Harbour 7", "r2": "true"})]


def test_the_page_fills_them_in_again():
    view = make_view(fields=FIELDS, draft={"f1": "Harbour <7>", "r2": "true", "c1": "true"})

    page = get(signing_browser(make_ceremony(view)), PAGE).text

    assert 'value="Harbour &lt;7&gt;"' in page
    assert page.count(" checked>") == 2
    assert 'value="r2" aria-describedby="field-r2-error" checked>' in page


def test_a_form_that_was_refused_shows_what_was_sent_and_not_the_draft():
    view = make_view(fields=FIELDS, draft={"f1": "Earlier"})
    browser = signing_browser(make_ceremony(view, refusal=InvalidAnswers(field_errors={"f1": "Too short."})))

    page = post(browser, "finish", data={"field.f1": "Later"}).text

    assert 'value="Later"' in page
    assert "Earlier" not in page


def test_another_site_cannot_change_the_draft():
    browser = signing_browser(ceremony := make_ceremony())

    assert post(browser, "draft", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert ceremony.calls == []


def test_nothing_is_kept_of_what_is_over():
    browser = signing_browser(ceremony := make_ceremony())
    ceremony.closing = CeremonyState.CANCELLED

    assert post(browser, "draft", data={"field.f1": "Harbour 7"}).status_code == 409
