"""The rules of signing: who sees what, whose turn it is, what may be entered (provider fact sheet, section 12)."""

import base64

import pytest
from sqlalchemy import select

from app.domain.errors import NotFound
from app.domain.ports import Box
from app.signer.answers import check_answers
from app.signer.ceremony import CeremonyClosed, CeremonyState, InvalidAnswers
from app.signer.models import Field
from tests.builders.pdfs import make_pdf
from tests.builders.pictures import make_png
from tests.signer.service import CLIENT, make_anchor, make_field, make_recipient

TWO = {"recipients": [make_recipient(1), make_recipient(2)], "fields": [make_field(1), make_field(2)]}
DRAWN = "data:image/png;base64," + base64.b64encode(make_png(ink=True)).decode()


def events(service, envelope_id):
    return [entry["event"] for entry in service.get(envelope_id, "audit").json["results"]]


def answers(view, value):
    return {field.id: value for field in view.fields}


class TestLooking:
    def test_finding_changes_nothing(self, service):
        envelope_id = service.send()
        before = service.detail(envelope_id), events(service, envelope_id)
        view = service.ceremony.find(service.token())
        assert (view.state, view.opened) == (CeremonyState.READY, False)
        assert (service.detail(envelope_id), events(service, envelope_id)) == before

    def test_an_unknown_link_shows_nothing(self, service):
        assert service.ceremony.find("guess") is None
        with pytest.raises(NotFound):
            service.ceremony.open("guess", CLIENT)

    def test_opening_counts_once(self, service):
        envelope_id = service.send()
        for _ in range(2):
            assert service.ceremony.open(service.token(), CLIENT).opened
        assert events(service, envelope_id).count("document_opened") == 1

    def test_the_trail_says_from_where_it_was_opened(self, service):
        envelope_id = service.send()
        service.ceremony.open(service.token(), CLIENT)
        entry = service.get(envelope_id, "audit").json["results"][-1]
        assert entry["ip_address"] == "192.0.2.7"
        assert entry["details"] == {"user_agent": "Test browser"}
        assert entry["actor"]["email"] == "person1@example.test"

    def test_a_person_sees_their_own_fields_only(self, service):
        service.send(**TWO, settings={"use_signing_order": False})
        first, second = (service.ceremony.find(service.token(number)) for number in (1, 2))
        assert len(first.fields) == len(second.fields) == 1
        assert first.fields != second.fields

    def test_everybody_s_anchors_that_the_document_will_hide_are_known(self, service):
        anchors = [make_anchor(1), make_anchor(2, anchor_string="{{SIGN_2}}", remove_anchor_text=False)]
        pdf = make_pdf(pages=2, text=["{{SIGN_2}}", "{{SIGN_1}}"])
        service.send(**TWO | {"fields": []}, anchor_tags=anchors, pdf=pdf)
        [hidden] = service.ceremony.find(service.token()).hidden_texts
        assert hidden.page == 2

    def test_a_person_is_shown_what_those_before_them_entered(self, service):
        text = make_field(1, type="text", position={"x": 10.0, "y": 20.0, "width": 30.0, "height": 5.0})
        service.send(**TWO | {"fields": [text, make_field(1), make_field(1, type="checkbox"), make_field(2)]})
        assert service.ceremony.find(service.token()).entered == ()
        service.sign(1, text="Rent: 900")
        [rent, signature, tick] = service.ceremony.find(service.token(2)).entered
        assert (rent.look, rent.value, rent.box) == ("text", "Rent: 900", Box(page=1, x=10, y=20, width=30, height=5))
        assert (signature.look, signature.value) == ("signature", "Ana Ruiz")
        assert tick.look == "tick"

    def test_nothing_that_others_entered_is_shown_before_the_code(self, service):
        service.send(**TWO, settings={"require_otp_verification": True, "use_signing_order": False})
        with service.parts.database.unit_of_work() as session:
            session.scalars(select(Field)).first().value = "typed:Ana Ruiz"
        assert service.ceremony.find(service.token(2)).entered == ()

    def test_a_page_is_drawn_once_it_was_opened(self, service):
        service.send(pdf=make_pdf(pages=2))
        token = service.token()
        with pytest.raises(CeremonyClosed):
            service.page_image(token, 1)
        service.ceremony.open(token, CLIENT)
        assert service.page_image(token, 2).startswith(b"\x89PNG")
        assert service.page_image(token, 2) == service.page_image(token, 2)
        for absent in (0, 3):
            with pytest.raises(NotFound):
                service.page_image(token, absent)

    def test_nothing_is_shown_once_it_is_over(self, service):
        envelope_id = service.send()
        token = service.token()
        service.ceremony.open(token, CLIENT)
        service.cancel(envelope_id)
        assert service.ceremony.find(token).fields == ()
        with pytest.raises(CeremonyClosed):
            service.page_image(token, 1)


class TestOrder:
    def test_only_the_first_is_mailed(self, service):
        service.send(**TWO)
        assert [str(mail["To"]) for mail in service.mails()] == ["Person1 Tester <person1@example.test>"]

    def test_the_next_is_mailed_when_the_first_is_done(self, service):
        service.send(**TWO)
        assert service.sign(1).state is CeremonyState.SIGNED
        assert len(service.mails("person2@")) == 1
        assert service.sign(2).state is CeremonyState.COMPLETED

    def test_equal_orders_never_sign_at_once(self, service):
        service.send(recipients=[make_recipient(1), make_recipient(2, order=1)], fields=TWO["fields"])
        assert len(service.mails()) == 1

    def test_without_an_order_all_are_mailed_at_once(self, service):
        service.send(**TWO, settings={"use_signing_order": False})
        assert len(service.mails()) == 2
        service.sign(2)
        assert service.sign(1).state is CeremonyState.COMPLETED

    def test_an_approver_is_asked_to_approve(self, service):
        service.send(
            recipients=[make_recipient(1, designation="Approver"), make_recipient(2)],
            fields=[make_field(1, type="approval_checkmark"), make_field(2)],
        )
        assert str(service.mails()[0]["Subject"]) == "Please approve: Lease of the harbour office"
        assert service.sign(1).state is CeremonyState.SIGNED

    def test_a_copy_is_sent_at_the_end_only(self, service):
        service.send(recipients=[make_recipient(1), make_recipient(2, designation="CC")])
        assert service.mails("person2@") == []
        service.sign(1)
        assert [str(mail["Subject"]) for mail in service.mails("person2@")] == [
            "Completed: Lease of the harbour office"
        ]

    def test_nobody_is_mailed_when_mails_are_off(self, service):
        answer = service.create(settings={"send_signing_email": False})
        service.work()
        assert service.mails() == []
        token = answer.json["first_signer"]["signing_link"].rpartition("/")[2]
        assert service.ceremony.find(token).state is CeremonyState.READY


class TestFinishing:
    @pytest.fixture
    def opened(self, service):
        """Send one field of a type and open it; return how to finish with a value."""

        def opened(type_, **field):
            service.send(fields=[make_field(type=type_, **field)])
            token = service.token()
            view = service.ceremony.open(token, CLIENT)

            def finish(value, *, consent=True):
                return service.ceremony.finish(token, values=answers(view, value), consent=consent, client=CLIENT)

            return finish

        return opened

    @pytest.mark.parametrize(
        ("type_", "value", "extra"),
        [
            ("signature", "typed:Ana Ruiz", {}),
            ("signature", DRAWN, {}),
            ("initial", "typed:AR", {}),
            ("text", "Harbour 7 \u200d क्\u200dष", {}),
            ("text_area", "a\r\nb\tc", {}),
            ("checkbox", "true", {}),
            ("date", "2026-02-28", {}),
            ("dropdown", "b", {"dropdown_options": ["a", "b"]}),
            ("url", "https://example.test", {}),
            ("text", "", {"required": False}),
            ("signature", "", {"required": False}),
        ],
    )
    def test_what_fits_is_taken(self, opened, type_, value, extra):
        assert opened(type_, **extra)(value).state is CeremonyState.COMPLETED

    @pytest.mark.parametrize(
        ("type_", "value", "extra"),
        [
            ("signature", "", {}),
            ("signature", "Ana", {}),
            ("signature", "typed:", {}),
            ("signature", "typed:\u200b", {}),
            ("signature", "typed:\u3164 \u2800", {}),
            ("text", "\u200b\u2060", {}),
            ("signature", "typed:" + "a" * 101, {}),
            ("signature", "typed:a\x00b", {}),
            ("signature", "data:image/png;base64,####", {}),
            ("signature", "data:image/png;base64," + base64.b64encode(b"GIF89a").decode(), {}),
            ("signature", "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nrubbish").decode(), {}),
            ("signature", "data:image/png;base64," + base64.b64encode(make_png(ink=False)).decode(), {}),
            ("signature", DRAWN + base64.b64encode(b"\x00" * 300_000).decode(), {}),
            ("text", "", {}),
            ("text", " ", {}),
            ("text", "t" * 1001, {}),
            ("text", "two\nlines", {}),
            ("text_area", "t" * 5001, {}),
            ("text_area", "a\x07", {}),
            ("checkbox", "yes", {}),
            ("checkbox", "", {}),
            ("date", "28.02.2026", {}),
            ("date", "2026-02-29", {}),
            ("date", "20260228", {}),
            ("dropdown", "c", {"dropdown_options": ["a", "b"]}),
        ],
    )
    def test_what_does_not_fit_is_refused_by_field(self, opened, type_, value, extra):
        with pytest.raises(InvalidAnswers) as refused:
            opened(type_, **extra)(value)
        assert len(refused.value.field_errors) == 1
        assert refused.value.form_errors == []

    def test_a_drawing_that_stands_in_many_places_is_drawn_anew_once(self):
        fields = [Field(id=number, type="signature", read_only=False) for number in range(20)]
        drawn_anew = []
        values = dict.fromkeys((str(field.id) for field in fields), DRAWN)
        check_answers(fields, values, consent=True, redraw=lambda png: drawn_anew.append(png) or png)
        assert len(drawn_anew) == 1

    def test_nobody_signs_without_consent(self, opened):
        with pytest.raises(InvalidAnswers) as refused:
            opened("text")("Harbour", consent=False)
        assert refused.value.form_errors == ["Please agree to sign electronically."]

    def test_a_field_of_somebody_else_is_refused(self, service):
        service.send(**TWO)
        view = service.ceremony.open(service.token(), CLIENT)
        values = answers(view, "typed:Ana") | {"5ca1ab1e-0000-4000-8000-000000000009": "x"}
        with pytest.raises(InvalidAnswers) as refused:
            service.ceremony.finish(service.token(), values=values, consent=True, client=CLIENT)
        assert refused.value.form_errors == ["The form holds a field that is not yours."]

    def test_one_radio_button_of_a_group_is_chosen(self, service):
        group = "5ca1ab1e-0000-4000-8000-00000000000a"
        service.send(fields=[make_field(type="radio_buttons", multi_group_id=group) for _ in range(3)])
        token = service.token()
        first, second, third = service.ceremony.open(token, CLIENT).fields
        for wrong in ({}, {first.id: "true", second.id: "true"}):
            with pytest.raises(InvalidAnswers):
                service.ceremony.finish(token, values=wrong, consent=True, client=CLIENT)
        view = service.ceremony.finish(token, values={third.id: "true"}, consent=True, client=CLIENT)
        assert view.state is CeremonyState.COMPLETED

    def test_a_read_only_field_is_not_the_signers(self, service):
        service.send(fields=[make_field(), make_field(type="text", read_only=True, read_only_value="Fixed")])
        assert [field.type for field in service.ceremony.find(service.token()).fields] == ["signature"]

    def test_what_was_entered_can_be_read_back(self, service):
        envelope_id = service.send(fields=[make_field(), make_field(type="date")])
        service.sign()
        values = [field["value"] for field in service.get(envelope_id, "fields").json["results"]]
        assert values == ["Ana Ruiz", "2026-06-05"]

    def test_nobody_signs_twice(self, service):
        service.send(**TWO)
        token = service.token()
        view = service.ceremony.open(token, CLIENT)
        values = answers(view, "typed:Ana")
        service.ceremony.finish(token, values=values, consent=True, client=CLIENT)
        with pytest.raises(CeremonyClosed) as closed:
            service.ceremony.finish(token, values=values, consent=True, client=CLIENT)
        assert closed.value.state is CeremonyState.SIGNED

    def test_the_trail_tells_all_of_it(self, service):
        envelope_id = service.send()
        service.sign()
        assert events(service, envelope_id) == [
            "activity",
            "mail_sent",
            "document_opened",
            "terms_accepted",
            "document_signed",
            "document_finished",
            "document_sealed",
            "mail_sent",
        ]
