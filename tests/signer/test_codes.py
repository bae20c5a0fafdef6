"""One-time codes: nothing of the document is shown before the person has entered what was mailed to them."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.domain.errors import NotFound
from app.signer.ceremony_view import CeremonyClosed, CodeNeeded, CodeStep
from app.signer.codes import MAX_PER_HOUR, MAX_WRONG_TRIES, CodeRefused, TooManyCodes
from app.signer.languages import Language
from app.signer.models import Code, Link, Mail
from tests.builders.ink import page_text
from tests.signer.service import CLIENT, FITTING, Service, make_field, make_recipient, text_of

REQUIRED = {"settings": {"require_otp_verification": True}}
PERSON = "person1@example.test"


@pytest.fixture
def guarded(service):
    """Return the service with an envelope that needs a code, and its id."""
    return service, service.send(**REQUIRED)


def ask(service, time=None, number=1):
    """Have a code sent, a minute after the last one, and return it as it was mailed."""
    if time:
        time.advance(seconds=61)
    service.parts.codes.send(service.token(number), CLIENT)
    service.work()
    return mailed_code(service, number)


def mailed_code(service, number=1):
    bodies = [text_of(mail) for mail in service.mails(f"person{number}@example.test")]
    return [found[1] for body in bodies if (found := re.search(r"^(\d{6})\s*$", body, re.MULTILINE))][-1]


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def confirm(service, code, number=1):
    return service.parts.codes.confirm(service.token(number), code, CLIENT)


def trail(service, envelope_id):
    return [entry["event"] for entry in service.get(envelope_id, "audit").json["results"]]


class TestTheDoor:
    def test_everything_is_closed_until_the_code_was_entered(self, guarded):
        service, envelope_id = guarded
        token, ceremony = service.token(), service.ceremony
        assert ceremony.find(token).code_step is CodeStep.ASK
        assert not ceremony.open(token, CLIENT).opened
        for attempt in (
            lambda: service.page_image(token, 1),
            lambda: service.document_texts(token),
            lambda: ceremony.keep_draft(token, {}),
            lambda: ceremony.decline(token, reason="", client=CLIENT),
            lambda: ceremony.finish(token, values={}, consent=True, client=CLIENT),
        ):
            with pytest.raises(CodeNeeded):
                attempt()
        assert "document_opened" not in trail(service, envelope_id)

    def test_the_right_code_opens_the_document_to_that_browser_only(self, guarded):
        service, envelope_id = guarded
        browser = confirm(service, ask(service))
        view = service.ceremony.find(browser)
        assert (view.code_step, view.opened) == (None, True)
        assert service.page_image(browser, 1).startswith(b"\x89PNG")
        with pytest.raises(CodeNeeded):
            service.page_image(service.token(), 1)
        values = {field.id: FITTING[field.type] for field in view.fields}
        service.ceremony.finish(browser, values=values, consent=True, client=CLIENT)
        service.work()
        assert service.ceremony.find(browser).download_url
        assert service.ceremony.find(service.token()).download_url is None
        assert trail(service, envelope_id)[2:6] == ["otp_requested", "mail_sent", "otp_verified", "document_opened"]

    def test_what_was_entered_before_is_not_shown_to_who_has_no_code(self, service):
        service.send(fields=[make_field(type="text")], **REQUIRED)
        browser = confirm(service, ask(service))
        [field] = service.ceremony.find(browser).fields
        service.ceremony.keep_draft(browser, {field.id: "Harbour 7"})
        assert service.ceremony.find(browser).draft == {field.id: "Harbour 7"}
        assert service.ceremony.find(service.token()).draft == {}

    def test_an_envelope_that_asks_for_none_has_no_door(self, service):
        service.send()
        assert service.ceremony.find(service.token()).code_step is None
        service.parts.codes.send(service.token(), CLIENT)
        service.work()
        assert len(service.mails(PERSON)) == 1

    def test_a_browser_is_trusted_for_twelve_hours(self, guarded, time):
        service, _ = guarded
        browser = confirm(service, ask(service))
        time.advance(hours=11)
        assert service.ceremony.find(browser).code_step is None
        time.advance(hours=2)
        assert service.ceremony.find(browser).code_step is CodeStep.ASK

    def test_the_code_of_one_person_opens_nothing_to_another(self, service):
        service.send(
            recipients=[make_recipient(1), make_recipient(2)],
            fields=[make_field(1), make_field(2)],
            settings={"require_otp_verification": True, "use_signing_order": False},
        )
        code = ask(service, number=1)
        with pytest.raises(CodeRefused):
            confirm(service, code, number=2)
        own = ask(service, number=2)
        with pytest.raises(CodeRefused):
            confirm(service, code if code != own else wrong(own), number=2)

    def test_the_certificate_says_when_it_was_entered(self, guarded):
        service, envelope_id = guarded
        browser = confirm(service, ask(service))
        [field] = service.ceremony.find(browser).fields
        service.ceremony.finish(browser, values={field.id: "typed:Ana"}, consent=True, client=CLIENT)
        service.work()
        text = page_text(service.fetch(service.detail(envelope_id)["certificate_only_download_url"]).data)
        assert "Code from e-mail" in text
        assert "Entered 2026-06-05 10:00:00 UTC" in text
        for deed in ("Asked for a code by e-mail", "Sent a code", "Entered the code from the e-mail"):
            assert deed in " ".join(text.split())

    def test_it_holds_across_a_restart(self, guarded, start_service):
        service, _ = guarded
        code = ask(service)
        again: Service = start_service()
        browser = again.parts.codes.confirm(service.token(), code, CLIENT)
        assert start_service().ceremony.find(browser).code_step is None


class TestTheCode:
    def test_it_is_mailed_without_the_link_and_stored_as_a_hash_only(self, guarded):
        service, _ = guarded
        code = ask(service)
        mail = service.mails(PERSON)[-1]
        assert mail["Subject"] == "Your code for: Lease of the harbour office"
        assert "It works for 10 minutes." in text_of(mail)
        assert code not in mail["Subject"]
        assert "/signing/" not in mail.as_string()
        with service.parts.database.reading() as session:
            [stored] = session.query(Code).all()
            assert re.fullmatch(r"[0-9a-f]{64}", stored.code_hash)
            assert [row.mime for row in session.query(Mail)] == [None, None]

    def test_the_mail_is_in_the_language_of_the_browser(self, guarded):
        service, _ = guarded
        german = type(CLIENT)(ip=CLIENT.ip, user_agent=CLIENT.user_agent, language=Language.GERMAN)
        service.parts.codes.send(service.token(), german)
        service.work()
        assert service.mails(PERSON)[-1]["Subject"] == "Ihr Code für: Lease of the harbour office"

    @pytest.mark.parametrize("space", [" ", "\u00a0", "-", "\t"])
    def test_what_stands_between_the_digits_does_not_matter(self, guarded, space):
        service, _ = guarded
        code = ask(service)
        assert confirm(service, f"{space}{code[:3]}{space}{code[3:]}")

    def test_digits_of_other_scripts_are_digits(self, guarded):
        service, _ = guarded
        entered = ask(service).translate({ord("0") + digit: chr(0xFF10 + digit) for digit in range(10)})
        assert confirm(service, entered)

    def test_it_works_once(self, guarded):
        service, _ = guarded
        code = ask(service)
        confirm(service, code)
        with pytest.raises(CodeRefused):
            confirm(service, code)

    def test_it_works_for_ten_minutes(self, guarded, time):
        service, _ = guarded
        code = ask(service)
        time.advance(minutes=10)
        assert service.ceremony.find(service.token()).code_step is CodeStep.ASK
        with pytest.raises(CodeRefused):
            confirm(service, code)

    def test_a_new_one_ends_the_one_before(self, guarded, time):
        service, _ = guarded
        first = ask(service)
        second = ask(service, time)
        with pytest.raises(CodeRefused):
            confirm(service, first if first != second else wrong(first))
        assert confirm(service, second)

    def test_five_wrong_tries_end_it_and_the_trail_counts_them_without_the_code(self, guarded):
        service, envelope_id = guarded
        code = ask(service)
        for _ in range(MAX_WRONG_TRIES + 3):
            with pytest.raises(CodeRefused):
                confirm(service, wrong(code))
        with pytest.raises(CodeRefused):
            confirm(service, code)
        entries = service.get(envelope_id, "audit").json["results"]
        assert [entry["event"] for entry in entries].count("otp_refused") == MAX_WRONG_TRIES
        assert code not in str(entries)
        assert wrong(code) not in str(entries)

    @pytest.mark.parametrize("entered", ["", "12345", "1234567", "six", "\u2463", "0" * 100_000])
    def test_what_is_no_code_is_refused_like_a_wrong_one(self, guarded, entered):
        service, _ = guarded
        ask(service)
        with pytest.raises(CodeRefused):
            confirm(service, entered)

    def test_of_two_at_once_one_opens_the_document(self, guarded):
        service, _ = guarded
        code, token = ask(service), service.token()

        def enter(_):
            try:
                return service.parts.codes.confirm(token, code, CLIENT)
            except CodeRefused:
                return None

        with ThreadPoolExecutor(2) as threads:
            opened = [browser for browser in threads.map(enter, range(2)) if browser]
        assert len(opened) == 1
        with service.parts.database.reading() as session:
            assert session.query(Link).filter(Link.confirmed_at.is_not(None)).count() == 1


class TestThePace:
    def test_a_minute_passes_between_two_codes(self, guarded, time):
        service, _ = guarded
        ask(service)
        time.advance(seconds=59)
        with pytest.raises(TooManyCodes):
            service.parts.codes.send(service.token(), CLIENT)
        ask(service, time)

    def test_five_an_hour_are_mailed(self, guarded, time):
        service, _ = guarded
        for _ in range(MAX_PER_HOUR):
            ask(service, time)
        time.advance(minutes=5)
        with pytest.raises(TooManyCodes):
            service.parts.codes.send(service.token(), CLIENT)
        time.advance(hours=1)
        ask(service)

    def test_a_code_that_went_stale_on_the_way_is_not_mailed(self, guarded, time):
        service, envelope_id = guarded
        service.parts.codes.send(service.token(), CLIENT)
        time.advance(minutes=10)
        service.work()
        assert len(service.mails(PERSON)) == 1
        assert trail(service, envelope_id)[-1] == "mail_dropped"

    def test_nothing_is_mailed_once_it_is_over(self, guarded):
        service, envelope_id = guarded
        token = service.token()
        code = ask(service)
        service.cancel(envelope_id, notify_signers=False)
        for attempt in (
            lambda: service.parts.codes.send(token, CLIENT),
            lambda: service.parts.codes.confirm(token, code, CLIENT),
        ):
            with pytest.raises(CeremonyClosed):
                attempt()
        assert len(service.mails(PERSON)) == 2

    def test_an_unknown_link_gets_nothing(self, service):
        for attempt in (
            lambda: service.parts.codes.send("guess", CLIENT),
            lambda: service.parts.codes.confirm("guess", "123456", CLIENT),
        ):
            with pytest.raises(NotFound):
                attempt()
