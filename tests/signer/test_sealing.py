"""From the last signature to the sealed files, once each, whatever crashes on the way."""

import io
from uuid import UUID

import pikepdf
import pytest
from cryptography import x509
from sqlalchemy import update

from app.domain import clock
from app.signer import audit
from app.signer.models import Envelope
from app.signer.sealing import SealingQueue
from app.signer.verification import verify
from tests.builders.pdfs import make_pdf
from tests.signer.service import CLIENT, make_anchor, make_field, make_recipient, text_of


def finish(service):
    """Send and sign, without the background work that follows; return the envelope's id."""
    envelope_id = service.send()
    token = service.token()
    view = service.ceremony.open(token, CLIENT)
    values = {field.id: "typed:Ana Ruiz" for field in view.fields}
    service.ceremony.finish(token, values=values, consent=True, client=CLIENT)
    return envelope_id


def signed(service, envelope_id):
    return service.fetch(service.get(envelope_id, "download").json["download_url"]).data


def seals(service, envelope_id):
    return [e["event"] for e in service.get(envelope_id, "audit").json["results"]].count("document_sealed")


def test_until_it_is_sealed_the_document_is_being_made(service):
    envelope_id = finish(service)
    answer = service.get(envelope_id, "download")
    assert answer.status_code == 503
    assert answer.json == {"error": "generation_timeout"}
    assert answer.headers["Retry-After"] == "2"
    detail = service.detail(envelope_id)
    assert detail["timestamps"]["finished_on"] is not None
    assert detail["certificate"] == {"generated": False, "generated_on": None, "has_error": False}


def test_the_sealed_document_and_its_certificate_verify(service):
    envelope_id = service.send()
    service.sign()
    detail = service.detail(envelope_id)
    certificate = x509.load_pem_x509_certificate(service.settings.certificate.with_suffix(".pem").read_bytes())
    for member in ("final_document_download_url", "certificate_only_download_url"):
        verdict = verify(service.fetch(detail[member]).data, trusted=certificate)
        assert verdict.ok, (member, verdict.sentences())
    assert service.get(envelope_id, "download").json["is_partial"] is False
    assert detail["certificate"]["generated"] is True


def test_what_was_entered_is_on_the_page(service, sandbox):
    envelope_id = service.send(
        pdf=make_pdf(text="Sign {{SIGN_1}} here"),
        fields=[
            make_field(type="text"),
            make_field(type="checkbox", position={"x": 5, "y": 5, "width": 3, "height": 3}),
        ],
        anchor_tags=[make_anchor()],
    )
    service.sign(text="Quay 17")
    places = sandbox.call("app.pdf.text:locate", content=signed(service, envelope_id), texts=["Quay 17"])
    (place,) = places["Quay 17"]
    assert place[1] == pytest.approx(10, abs=1)
    assert 61 <= place[2] <= 66


def test_the_certificate_names_people_and_digests(service, sandbox):
    recipients = [make_recipient(1), make_recipient(2, designation="CC")]
    envelope_id = service.send(recipients=recipients)
    service.sign()
    certificate = service.fetch(service.detail(envelope_id)["certificate_only_download_url"]).data
    texts = ["Person1 Tester", "Person2 Tester", "192.0.2.7", "Opened the document"]
    places = sandbox.call("app.pdf.text:locate", content=certificate, texts=texts)
    assert all(places[text] for text in texts)


def test_everybody_gets_the_final_copy(service):
    envelope_id = service.send(recipients=[make_recipient(1), make_recipient(2, designation="CC")])
    service.sign()
    copies = [mail for mail in service.mails() if "Completed" in str(mail["Subject"])]
    assert [str(mail["To"]) for mail in copies] == [
        "Person1 Tester <person1@example.test>",
        "Person2 Tester <person2@example.test>",
    ]
    (attachment,) = copies[0].iter_attachments()
    assert attachment.get_content() == signed(service, envelope_id)
    assert attachment.get_filename() == f"{envelope_id}-signed.pdf"


def test_a_big_final_copy_is_a_link(service, monkeypatch):
    monkeypatch.setattr("app.signer.letters.MAX_ATTACHMENT_BYTES", 100)
    envelope_id = service.send()
    service.sign()
    mail = service.mails()[-1]
    assert list(mail.iter_attachments()) == []
    url = text_of(mail).split()[-1]
    assert service.fetch(url).data == signed(service, envelope_id)


def test_final_copies_can_be_switched_off(service):
    service.send(settings={"send_finish_email": False})
    service.sign()
    assert len(service.mails()) == 1


def test_the_trail_is_a_chain_that_shows_any_change(service):
    envelope_id = service.send()
    service.sign()
    entries = service.parts.envelopes.audit_trail(UUID(envelope_id))
    assert audit.find_break(entries) is None
    entries[2].ip_address = "198.51.100.1"
    assert audit.find_break(entries) == 3
    assert audit.find_break(entries[1:]) == 1


def test_a_document_that_cannot_be_sealed_now_is_tried_again(service, time):
    envelope_id = finish(service)
    key = service.parts.envelopes.get(UUID(envelope_id)).document_key
    content = service.parts.storage.read(key)
    service.parts.storage.delete(key)
    service.work()
    assert service.get(envelope_id, "download").status_code == 503
    service.parts.storage.save(key, content)
    assert service.work() == 0
    time.advance(seconds=5)
    service.work()
    assert service.get(envelope_id, "download").status_code == 200


def test_what_a_crash_left_behind_is_taken_over_after_the_lease(service, time):
    envelope_id = finish(service)
    abandoned_by_a_crash(service, envelope_id)
    assert seals(service, envelope_id) == 0
    service.work()
    assert seals(service, envelope_id) == 0
    time.advance(seconds=SealingQueue.lease.total_seconds() + 1)
    service.work()
    assert seals(service, envelope_id) == 1


def test_one_who_was_overtaken_does_not_seal_a_second_time(service, sandbox, time, monkeypatch):
    envelope_id = finish(service)
    storage = service.parts.storage
    read = storage.read
    overtaken = []

    def slow_read(key):
        """Stand still until the lease is over and somebody else has sealed."""
        monkeypatch.setattr(storage, "read", read)
        time.advance(seconds=SealingQueue.lease.total_seconds() + 1)
        overtaken.append(service.work())
        return read(key)

    monkeypatch.setattr(storage, "read", slow_read)
    service.work()
    assert overtaken[0] > 0
    assert seals(service, envelope_id) == 1
    assert len([mail for mail in service.mails() if "Completed" in str(mail["Subject"])]) == 1


def test_a_seal_is_the_last_revision(service):
    envelope_id = service.send()
    service.sign()
    with pikepdf.open(io.BytesIO(signed(service, envelope_id))) as pdf:
        assert "/DocMDP" in pdf.Root.Perms


def abandoned_by_a_crash(service, envelope_id):
    """Claim the envelope as a process does that is then killed."""
    with service.parts.database.unit_of_work() as session:
        statement = update(Envelope).where(Envelope.id == UUID(envelope_id))
        session.execute(statement.values(lease_owner="gone", lease_until=clock.utcnow() + SealingQueue.lease))
