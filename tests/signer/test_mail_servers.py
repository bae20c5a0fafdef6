"""Mail servers as they are: slow, gone in the middle, encrypted, behind a login. Signing goes on meanwhile."""

import asyncio
import ipaddress
import socket
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select

from app.signer.models import Mail
from tests.builders.seals import NOW
from tests.signer.service import CLIENT, make_field, make_recipient

ENOUGH = 5


@dataclass
class Postbox:
    """Takes mails. Of the first `troubles`, it takes some and loses its voice, and drops others half-way."""

    troubles: list[str] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (the library's name)
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "drop":
            server.transport.abort()
            return "250 never heard"
        self.taken.append(envelope.content)
        self.encrypted.append(session.ssl is not None)
        if trouble == "lose the answer":
            server.transport.abort()
        if trouble == "slow":
            await asyncio.sleep(ENOUGH)
        return "250 Taken"

    def log_in(self, _server, _session, _envelope, _mechanism, data):
        if isinstance(data, LoginPassword):
            self.logins.append(f"{data.login.decode()}:{data.password.decode()}")
        return AuthResult(success=True)


@pytest.fixture
def postbox():
    return Postbox()


@contextmanager
def mail_server(postbox, **options):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(postbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def queued(service):
    with service.parts.database.reading() as session:
        return list(session.scalars(select(Mail).order_by(Mail.created_at)))


def message_ids(postbox):
    return [message_from_bytes(content)["Message-ID"] for content in postbox.taken]


def test_a_server_that_goes_away_half_way_is_tried_again(start_service, postbox, time):
    postbox.troubles = ["drop"]
    with mail_server(postbox) as port:
        service = start_service(smtp_url=f"smtp://127.0.0.1:{port}")
        service.send()
        assert queued(service)[0].last_error == "The mail server could not be used: SMTPServerDisconnected."
        time.advance(seconds=30)
        service.work()
    assert message_ids(postbox) == [queued(service)[0].message_id]


def test_a_mail_whose_answer_was_lost_comes_twice_but_is_recognisably_the_same(start_service, postbox, time):
    postbox.troubles = ["lose the answer"]
    with mail_server(postbox) as port:
        service = start_service(smtp_url=f"smtp://127.0.0.1:{port}")
        service.send()
        time.advance(seconds=30)
        service.work()
    assert message_ids(postbox) == [queued(service)[0].message_id] * 2


def test_a_server_that_takes_too_long_is_left(start_service, postbox, monkeypatch):
    monkeypatch.setattr("app.signer.mail.SMTP_TIMEOUT_SECONDS", 0.3)
    postbox.troubles = ["slow"]
    with mail_server(postbox) as port:
        service = start_service(smtp_url=f"smtp://127.0.0.1:{port}")
        service.send()
    assert queued(service)[0].last_error == "The mail server could not be used: SMTPServerDisconnected."


def test_people_sign_and_the_seal_is_made_while_the_mail_server_is_down(start_service):
    service = start_service(smtp_url="smtp://127.0.0.1:9")
    answer = service.create(recipients=[make_recipient(1), make_recipient(2, designation="CC")], fields=[make_field()])
    service.work()
    token = answer.json["first_signer"]["signing_link"].rpartition("/")[2]
    view = service.ceremony.open(token, CLIENT)
    values = {one.id: "typed:Ana Ruiz" for one in view.fields}
    service.ceremony.finish(token, values=values, consent=True, client=CLIENT)
    service.work()
    assert service.get(answer.json["id"], "download").json["is_partial"] is False
    assert [mail.sent_at for mail in queued(service)] == [None] * 3


def test_a_login_is_used(start_service, postbox):
    with mail_server(postbox, authenticator=postbox.log_in, auth_require_tls=False) as port:
        service = start_service(smtp_url=f"smtp://harbour%40example.test:p%40ss@127.0.0.1:{port}")
        service.send()
    assert postbox.logins == ["harbour@example.test:p@ss"]
    assert len(postbox.taken) == 1


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """Return the TLS context of a server that this machine trusts."""
    key, certificate = certificate_for("127.0.0.1")
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_encryption_is_used_where_it_is_offered_and_the_login_only_then(start_service, postbox, trusted):
    with mail_server(
        postbox, tls_context=trusted, require_starttls=True, authenticator=postbox.log_in, auth_required=True
    ) as port:
        service = start_service(smtp_url=f"smtp://user:secret@127.0.0.1:{port}")
        service.send()
    assert postbox.encrypted == [True]
    assert postbox.logins == ["user:secret"]


def test_a_server_that_is_encrypted_from_the_start(start_service, postbox, trusted):
    with mail_server(postbox, ssl_context=trusted) as port:
        start_service(smtp_url=f"smtps://127.0.0.1:{port}").send()
    assert len(postbox.taken) == 1


def certificate_for(address):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Mail server")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(NOW + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate
