"""Mails: into files, and over a real SMTP conversation that goes well or not."""

import socket
import ssl
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from sqlalchemy import select

from app.signer.erasure import erase
from app.signer.mail import MAX_ATTEMPTS
from app.signer.models import Mail
from app.signer.seal_key import ensure_certificate
from tests.signer.service import REQUESTS, make_recipient, text_of


def mail_rows(service):
    with service.parts.database.reading() as session:
        return list(session.scalars(select(Mail).order_by(Mail.created_at)))


def trail(service, envelope_id):
    return [entry["event"] for entry in service.get(envelope_id, "audit").json["results"]]


class TestFiles:
    def test_an_invitation_has_text_html_and_the_link(self, service):
        service.send(name="Lease & <annex>")
        (mail,) = service.mails()
        html = mail.get_body(("html",)).get_content()
        text = text_of(mail).replace("\r\n", "\n")
        assert text.startswith("Hello Person1 Tester,\n\nYou are asked to sign “Lease & <annex>”.")
        assert text.endswith(f"Open the document:\nhttps://signer.test/signing/{service.token()}\n")
        assert f'href="https://signer.test/signing/{service.token()}"' in html
        assert "Lease &amp; &lt;annex&gt;" in html
        assert "05 June 2026" not in text
        assert "12 June 2026, 10:00 UTC" in text

    def test_names_beyond_ascii_survive(self, service):
        service.send(recipients=[make_recipient(first_name="Zoë", last_name="Łukasz-राम")], name="Mietvertrag für Zoë")
        (mail,) = service.mails()
        assert mail["To"].addresses[0].display_name == "Zoë Łukasz-राम"
        assert str(mail["Subject"]) == "Please sign: Mietvertrag für Zoë"

    def test_a_name_cannot_add_an_address(self, service):
        service.send(recipients=[make_recipient(first_name='Eve" <eve@example.test>,', last_name="x")])
        (mail,) = service.mails()
        assert [address.addr_spec for address in mail["To"].addresses] == ["person1@example.test"]

    def test_a_sent_mail_forgets_its_link(self, service):
        service.send()
        (row,) = mail_rows(service)
        assert row.sent_at is not None
        assert row.mime is None

    def test_the_file_is_named_after_the_address(self, service):
        service.send(recipients=[make_recipient(email="o'neil/x@example.test")])
        (file,) = service.settings.mail_folder.iterdir()
        assert file.name.endswith("-o_neil_x@example.test.eml")

    def test_an_invitation_to_what_is_over_is_not_sent(self, service):
        envelope_id = service.create().json["id"]
        service.cancel(envelope_id, notify_signers=False)
        service.work()
        assert service.mails() == []
        assert trail(service, envelope_id)[-1] == "mail_dropped"
        assert mail_rows(service)[0].abandoned_at is None

    def test_a_folder_that_cannot_be_written_is_tried_again(self, service, time):
        service.settings.mail_folder.write_text("in the way")
        service.send()
        service.settings.mail_folder.unlink()
        time.advance(seconds=30)
        service.work()
        assert len(service.mails()) == 1


@dataclass
class Postbox:
    """What the mail server does with a mail: `replies` first, one for each attempt, then it takes it."""

    replies: list[str] = field(default_factory=list)
    taken: list[object] = field(default_factory=list)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 (the library's name)
        if self.replies:
            return self.replies.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (the library's name)
        self.taken.append(envelope)
        return "250 Taken"


@pytest.fixture
def postbox():
    return Postbox()


@pytest.fixture
def smtp(postbox):
    """Start a real SMTP server."""
    controller = Controller(postbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TestSmtp:
    def test_a_mail_reaches_the_server(self, start_service, smtp, postbox):
        service = start_service(smtp_url=smtp, mail_from="Harbour <sign@harbour.test>")
        envelope_id = service.send()
        (taken,) = postbox.taken
        assert taken.mail_from == "sign@harbour.test"
        assert taken.rcpt_tos == ["person1@example.test"]
        assert b"From: Harbour <sign@harbour.test>" in taken.content
        assert b"/signing/" in taken.content
        assert trail(service, envelope_id)[-1] == "mail_sent"

    def test_a_greylisted_mail_is_sent_again_as_the_same(self, start_service, smtp, postbox, time):
        postbox.replies = ["451 4.7.1 Greylisted, come back later"]
        service = start_service(smtp_url=smtp)
        service.send()
        assert postbox.taken == []
        assert mail_rows(service)[0].last_error == "The mail server answered 451."
        time.advance(seconds=30)
        service.work()
        assert mail_rows(service)[0].message_id.encode() in postbox.taken[0].content

    def test_a_refused_recipient_is_given_up_and_noted(self, start_service, smtp, postbox):
        postbox.replies = ["550 5.1.1 No such user person1@example.test"]
        service = start_service(smtp_url=smtp)
        envelope_id = service.send()
        (row,) = mail_rows(service)
        assert row.abandoned_at is not None
        assert row.mime is None
        assert row.last_error == "The mail server answered 550."
        entry = service.get(envelope_id, "audit").json["results"][-1]
        assert entry["event"] == "mail_failed"
        assert entry["details"]["reason"] == "The mail server answered 550."

    def test_the_api_can_read_whose_mail_failed_when_and_why(self, start_service, smtp, postbox):
        postbox.replies = ["550 5.1.1 No such user person1@example.test"]
        service = start_service(smtp_url=smtp)
        envelope_id = service.send(recipients=[make_recipient(1), make_recipient(2)])
        refused, other = service.get(envelope_id, "users").json["results"]
        [failure] = refused["mail_failures"]
        assert failure == {"failed_on": "2026-06-05T10:00:00.000+00:00", "reason": "The mail server answered 550."}
        assert other["mail_failures"] == []

    def test_every_mail_that_fails_is_added(self, start_service, smtp, postbox):
        postbox.replies = ["550 no", "552 full"]
        service = start_service(smtp_url=smtp)
        envelope_id = service.send()
        (person,) = service.get(envelope_id, "users").json["results"]
        service.call("POST", f"{REQUESTS}/{envelope_id}/resend", json={"recipient_ids": [person["id"]]})
        service.work()
        (person,) = service.get(envelope_id, "users").json["results"]
        assert [failure["reason"] for failure in person["mail_failures"]] == [
            "The mail server answered 550.",
            "The mail server answered 552.",
        ]

    def test_an_erased_envelope_tells_of_no_failure(self, start_service, smtp, postbox):
        postbox.replies = ["550 no"]
        service = start_service(smtp_url=smtp)
        envelope_id = service.send()
        service.cancel(envelope_id, notify_signers=False)
        erase(service.parts.database, service.parts.storage, UUID(envelope_id))
        assert service.get(envelope_id, "users").json["results"][0]["mail_failures"] == []

    def test_what_is_sent_or_dropped_or_tried_again_is_no_failure(self, start_service, smtp, postbox):
        postbox.replies = ["451 later"]
        service = start_service(smtp_url=smtp)
        waiting, sent, over = (service.create().json["id"] for _ in range(3))
        service.cancel(over, notify_signers=False)
        service.work()
        for envelope_id in (waiting, sent, over):
            assert service.get(envelope_id, "users").json["results"][0]["mail_failures"] == []

    def test_one_refused_recipient_does_not_stop_the_others(self, start_service, smtp, postbox):
        postbox.replies = ["550 no"]
        service = start_service(smtp_url=smtp)
        service.send(
            recipients=[make_recipient(1), make_recipient(2)], fields=[], settings={"use_signing_order": False}
        )
        assert len(postbox.taken) == 1

    def test_a_server_that_is_down_is_tried_for_two_days(self, start_service, time):
        service = start_service(smtp_url=f"smtp://127.0.0.1:{free_port()}")
        service.send()
        for _ in range(MAX_ATTEMPTS - 1):
            assert mail_rows(service)[0].abandoned_at is None
            time.advance(hours=2)
            service.work()
        (row,) = mail_rows(service)
        assert row.attempts == MAX_ATTEMPTS
        assert row.abandoned_at is not None

    def test_a_password_never_travels_in_the_clear(self, start_service, postbox, monkeypatch):
        monkeypatch.setattr("app.signer.mail.LOOPBACK", frozenset())
        logins = []
        controller = Controller(
            postbox,
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=lambda *_: logins.append(1) or AuthResult(success=True),
            auth_require_tls=False,
        )
        controller.start()
        service = start_service(smtp_url=f"smtp://user:pass@127.0.0.1:{controller.port}")
        service.send()
        controller.stop()
        assert logins == []
        assert postbox.taken == []
        assert mail_rows(service)[0].last_error == (
            "The mail server offers no encryption, so the password was not sent."
        )

    def test_a_wrong_login_is_tried_again_later(self, start_service, postbox):
        controller = Controller(
            postbox,
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=lambda *_: AuthResult(success=False, handled=False),
            auth_require_tls=False,
        )
        controller.start()
        service = start_service(smtp_url=f"smtp://user:wrong@127.0.0.1:{controller.port}")
        service.send()
        controller.stop()
        assert mail_rows(service)[0].last_error == "The mail server did not accept the login."
        assert mail_rows(service)[0].abandoned_at is None

    def test_a_server_that_cannot_prove_itself_gets_nothing(self, start_service, postbox, tmp_path):
        controller = Controller(
            postbox, hostname="127.0.0.1", port=free_port(), tls_context=self_signed_context(tmp_path)
        )
        controller.factory = lambda: SMTP(postbox, tls_context=self_signed_context(tmp_path), require_starttls=True)
        controller.start()
        service = start_service(smtp_url=f"smtp://127.0.0.1:{controller.port}")
        service.send()
        controller.stop()
        assert postbox.taken == []
        assert mail_rows(service)[0].last_error == "The mail server could not be used: SSLCertVerificationError."


def self_signed_context(folder):
    """Return the TLS context of a server that nobody vouches for."""
    ensure_certificate(folder / "server.p12")
    key, certificate, _ = pkcs12.load_key_and_certificates((folder / "server.p12").read_bytes(), None)
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
