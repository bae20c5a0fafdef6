"""How signing ends early: somebody declines, or the time is over (provider fact sheet, section 12)."""

import pytest

from app.signer.ceremony import CeremonyClosed, CeremonyState, InvalidAnswers
from tests.signer.service import CLIENT, make_field, make_recipient, text_of

TWO = {"recipients": [make_recipient(1), make_recipient(2)], "fields": [make_field(1), make_field(2)]}


class TestDeclining:
    def test_it_ends_the_envelope_for_all(self, service):
        envelope_id = service.send(**TWO, settings={"use_signing_order": False})
        view = service.ceremony.decline(service.token(1), reason="The rent is wrong.", client=CLIENT)
        service.work()
        assert view.state is CeremonyState.DECLINED
        assert service.detail(envelope_id)["status"]["declined"] is True
        person = service.get(envelope_id, "users").json["results"][0]
        assert person["decline_reason"] == "The rent is wrong."
        assert person["declined_on"] == "2026-06-05T10:00:00.000+00:00"
        assert service.ceremony.find(service.token(2)).state is CeremonyState.DECLINED

    def test_the_others_who_were_asked_are_told(self, service):
        service.send(**TWO, settings={"use_signing_order": False})
        service.ceremony.decline(service.token(1), reason="", client=CLIENT)
        service.work()
        told = [mail for mail in service.mails() if "Declined" in str(mail["Subject"])]
        assert [str(mail["To"]) for mail in told] == ["Person2 Tester <person2@example.test>"]
        assert "The rent" not in text_of(told[0])

    @pytest.mark.parametrize("reason", ["r" * 501, "a\x07b"])
    def test_a_reason_is_one_short_text(self, service, reason):
        service.send()
        with pytest.raises(InvalidAnswers) as refused:
            service.ceremony.decline(service.token(), reason=reason, client=CLIENT)
        assert set(refused.value.field_errors) == {"reason"}

    def test_nobody_declines_what_is_over(self, service):
        service.send()
        service.sign()
        with pytest.raises(CeremonyClosed):
            service.ceremony.decline(service.token(), reason="", client=CLIENT)


class TestExpiry:
    def test_the_time_counts_at_once(self, service, time):
        service.send(expiration_hours=1)
        token = service.token()
        view = service.ceremony.open(token, CLIENT)
        time.advance(hours=1)
        assert service.ceremony.find(token).state is CeremonyState.EXPIRED
        with pytest.raises(CeremonyClosed) as closed:
            service.ceremony.finish(token, values={view.fields[0].id: "typed:A"}, consent=True, client=CLIENT)
        assert closed.value.state is CeremonyState.EXPIRED

    def test_an_expired_envelope_is_over_and_says_so(self, service, time):
        envelope_id = service.send(expiration_hours=1)
        time.advance(minutes=59)
        assert service.work() == 0
        time.advance(minutes=1)
        service.work()
        assert service.detail(envelope_id)["status"]["expired"] is True
        assert str(service.mails()[-1]["Subject"]) == "Expired: Lease of the harbour office"
        assert service.cancel(envelope_id).status_code == 409

    def test_what_is_over_does_not_expire(self, service, time):
        envelope_id = service.send(expiration_hours=1)
        service.sign()
        time.advance(hours=2)
        service.work()
        assert service.detail(envelope_id)["status"]["expired"] is False
