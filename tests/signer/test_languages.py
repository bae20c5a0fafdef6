"""English and German: the whole catalogue, the choice by the browser, and mails."""

import re

import pytest

from app.signer.ceremony import CeremonyState
from app.signer.languages import Language, moment, speaking, tell, translate_plural
from app.signer.models import Recipient
from tests.builders.ink import page_text
from tests.signer.catalogue import read_catalogue, texts_in_use
from tests.signer.ceremony_in_memory import TOKEN, make_view
from tests.signer.page_browser import PAGE, make_browser, make_ceremony, signing_browser
from tests.signer.service import CLIENT, make_field, make_recipient, text_of

PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
LANGUAGES = [language for language in Language if language is not Language.ENGLISH]


@pytest.fixture(params=LANGUAGES)
def catalogue(request):
    return read_catalogue(request.param)


def test_every_text_in_use_is_translated(catalogue):
    translated = {message.id for message in catalogue if message.id and all(_strings(message))}
    assert texts_in_use() - translated == set()


def test_no_translation_is_left_over(catalogue):
    assert {message.id for message in catalogue if message.id} - texts_in_use() == set()


def test_translations_fill_in_what_the_texts_fill_in(catalogue):
    for message in catalogue:
        if message.id:
            english = message.id if isinstance(message.id, str) else message.id[-1]
            for translated in _strings(message):
                assert set(PLACEHOLDER.findall(translated)) == set(PLACEHOLDER.findall(english)), english


def _strings(message):
    return (message.string,) if isinstance(message.string, str) else message.string


def test_texts_are_told_in_the_spoken_language():
    with speaking(Language.GERMAN):
        assert tell("Hello %(name)s,", name="Jane") == "Guten Tag Jane,"
        assert translate_plural("%(num)s page", "%(num)s pages", 1) == "%(num)s Seite"
    assert tell("Hello %(name)s,", name="Jane") == "Hello Jane,"


def test_a_time_is_written_as_the_language_does(time):
    assert moment(time.now) == "5 June 2026, 10:00 UTC"
    with speaking(Language.GERMAN):
        assert moment(time.now) == "5. Juni 2026, 10:00 Uhr UTC"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr,de;q=0.5,en;q=0.3", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("de;q=0", "en"),
        ("", "en"),
        (";;=", "en"),
    ],
)
def test_the_browser_chooses(accepted, language):
    browser = make_browser(make_ceremony())
    page = browser.get(f"/signing/{TOKEN}", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}">' in page
    assert ("Dokument öffnen" if language == "de" else "Open the document") in page


@pytest.mark.parametrize("state", CeremonyState)
@pytest.mark.parametrize("designation", ["Signer", "Approver"])
def test_no_page_mixes_the_languages(state, designation):
    ceremony = make_ceremony(make_view(state=state, designation=designation))
    page = make_browser(ceremony).get(f"/signing/{TOKEN}", headers={"Accept-Language": "de"}).text
    english = {text for text in texts_in_use() if isinstance(text, str) and " " in text}
    assert [text for text in english if f">{text}<" in page] == []


def test_the_signing_page_speaks_german_in_its_scripts_too():
    page = signing_browser(make_ceremony()).get(
        PAGE, headers={"Accept-Language": "de"}, base_url="https://sign.example.com"
    )
    assert "Alle Pflichtfelder sind ausgef" in page.text
    assert "Next field" not in page.text


def test_what_is_wrong_is_said_in_the_language_of_the_form(service):
    service.send()
    token = service.token()
    browser = service.app.test_client()
    browser.get(f"/signing/{token}")
    service.ceremony.open(token, CLIENT)
    with speaking(Language.GERMAN), pytest.raises(Exception, match="cannot be accepted") as refused:
        service.ceremony.finish(token, values={}, consent=False, client=CLIENT)
    assert refused.value.form_errors == ["Bitte stimmen Sie der elektronischen Unterschrift zu."]
    assert list(refused.value.field_errors.values()) == ["Bitte unterschreiben Sie hier."]


def test_from_the_opening_on_a_person_is_written_to_in_their_language(service):
    envelope = service.send(recipients=[make_recipient(1), make_recipient(2, designation="CC")], fields=[make_field(1)])
    token = service.token()
    german = type(CLIENT)(ip=CLIENT.ip, user_agent=CLIENT.user_agent, language=Language.GERMAN)
    with speaking(Language.GERMAN):
        view = service.ceremony.open(token, german)
        service.ceremony.finish(token, values={view.fields[0].id: "typed:Jörg"}, consent=True, client=german)
    service.work()

    invitation, copy = service.mails("person1@example.test")
    assert invitation["Subject"] == "Please sign: Lease of the harbour office"
    assert copy["Subject"] == "Abgeschlossen: Lease of the harbour office"
    assert text_of(copy).startswith("Guten Tag Person1 Tester,")
    assert '<html lang="de">' in copy.get_body(("html",)).get_content()
    assert service.mails("person2@example.test")[-1]["Subject"] == "Completed: Lease of the harbour office"
    with service.parts.database.reading() as session:
        consent = session.query(Recipient).filter_by(order=1).one().consent_text
    assert consent.startswith("Ich bin einverstanden")
    assert service.detail(envelope)["status"]["finished"]


def test_the_certificate_quotes_to_what_each_person_agreed_in_their_language(service):
    envelope_id = service.send(recipients=[make_recipient(1), make_recipient(2)], fields=[make_field(1), make_field(2)])
    for number, language in enumerate(Language, start=1):
        with speaking(language):
            service.sign(number)
    certificate = service.fetch(service.detail(envelope_id)["certificate_only_download_url"]).data
    text = " ".join(page_text(certificate).split())
    assert "Person1 Tester first agreed to this: I agree to use electronic records" in text
    assert "Person2 Tester first agreed to this: Ich bin einverstanden" in text


def test_the_service_can_invite_in_german(start_service):
    service = start_service(mail_language="de")
    service.send()
    [mail] = service.mails()
    assert mail["Subject"] == "Bitte unterschreiben: Lease of the harbour office"
    assert "12. Juni 2026, 10:00 Uhr UTC" in text_of(mail)
