"""Sends the queued mails: by SMTP, or into a folder where a developer finds them."""

import email
import re
import smtplib
import ssl
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.backoff import exponential
from app.domain.ports import FileStorage
from app.signer import audit
from app.signer.database import Database
from app.signer.envelopes import lock_envelope
from app.signer.events import EventOutbox, EventType
from app.signer.leases import GiveUp, LeasedQueue, TryAgain
from app.signer.letters import CODE_LIFETIME
from app.signer.models import Envelope, EnvelopeStatus, Mail, MailKind

log = structlog.get_logger(__name__)

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=2)
#: About two days, which mail servers commonly take to come back.
MAX_ATTEMPTS = 30

SMTP_TIMEOUT_SECONDS = 20
#: SMTP replies from here on are final (RFC 5321 section 4.2.1).
PERMANENT = 500
SMTP_PORT = 587
SMTPS_PORT = 465
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

#: What the audit trail says of a mail that went out.
SENT = {
    MailKind.INVITATION: "Sent an invitation",
    MailKind.REMINDER: "Sent a reminder",
    MailKind.CODE: "Sent a code",
    MailKind.FINAL_COPY: "Sent the final copy",
    MailKind.CANCELLATION: "Sent word of the cancellation",
    MailKind.DECLINED: "Sent word that somebody declined",
    MailKind.EXPIRATION: "Sent word of the expiry",
}

#: Mails that mean nothing once the envelope is over.
ABOUT_OPEN_ENVELOPES = frozenset({MailKind.INVITATION, MailKind.REMINDER, MailKind.CODE})


class MailTransport(Protocol):
    """Carries one mail to one address. Raises TryAgain or GiveUp."""

    def send(self, message: EmailMessage, mail: Mail) -> None:
        """Hand the message over; when this returns, it is somebody else's to deliver."""


class SmtpTransport:
    """Talks to the mail server at `smtp://user:password@host:587` or `smtps://…:465`, one connection a mail.

    A plain connection is encrypted as soon as the server offers it; a password never goes over one that is not.
    """

    def __init__(self, url: str, *, sender: str) -> None:
        parts = urlsplit(url)
        self._is_tls = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (SMTPS_PORT if self._is_tls else SMTP_PORT)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender

    def send(self, message: EmailMessage, mail: Mail) -> None:
        """Hand the message to the server."""
        try:
            with self._connect() as server:
                self._secure(server)
                server.send_message(message, from_addr=self._sender, to_addrs=[mail.address])
        except smtplib.SMTPRecipientsRefused as error:
            code = error.recipients[mail.address][0]
            raise _failure(code) from error
        except smtplib.SMTPNotSupportedError as error:
            raise GiveUp("The mail server does not take such an address.") from error
        except smtplib.SMTPAuthenticationError as error:
            # Wrong settings, which somebody will correct.
            raise TryAgain("The mail server did not accept the login.") from error
        except smtplib.SMTPResponseException as error:
            raise _failure(error.smtp_code) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TryAgain(f"The mail server could not be used: {type(error).__name__}.") from error

    def _connect(self) -> smtplib.SMTP:
        if self._is_tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=SMTP_TIMEOUT_SECONDS, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=SMTP_TIMEOUT_SECONDS)

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        is_safe = self._is_tls
        if not is_safe and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
            is_safe = True
        if self._user:
            if not is_safe and self._host not in LOOPBACK:
                raise TryAgain("The mail server offers no encryption, so the password was not sent.")
            server.login(self._user, self._password)


class FolderTransport:
    """Writes each mail to a file, whole or not at all, and its link to the log: nothing is needed to try it out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage, mail: Mail) -> None:
        """Write `<time>-<part of the id>-<address>.eml`; a second try writes the same file again."""
        address = re.sub(r"[^A-Za-z0-9@._+-]", "_", mail.address)
        moment = f"{mail.created_at:%Y%m%dT%H%M%S}{mail.created_at.microsecond // 1000:03d}"
        target = self._folder / f"{moment}-{mail.id.hex[-8:]}-{address[:150]}.eml"
        draft = target.with_suffix(".partial")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(message.as_bytes())
            draft.replace(target)
        except OSError as error:
            raise TryAgain(f"The mail could not be written: {error.strerror}.") from error
        log.info("signer.mail.written", mail=str(mail.id), kind=mail.kind.value, link=_link(message))


class MailQueue(LeasedQueue):
    """Mails on their way to people."""

    model = Mail
    name = "mails"
    # Longer than all but the slowest conversation, yet a mail whose process was killed does not wait for long. Should
    # one go out twice, both have the same Message-ID.
    lease = timedelta(minutes=2)

    def __init__(
        self, database: Database, *, storage: FileStorage, transport: MailTransport, events: EventOutbox
    ) -> None:
        super().__init__(database)
        self._storage = storage
        self._transport = transport
        self._events = events

    def work(self, row_id: Any, owner: str) -> None:
        """Send the mail, and forget its text: it may hold a signing link or a code."""
        with self.database.reading() as session:
            mail = session.get_one(Mail, row_id)
            status = session.get_one(Envelope, mail.envelope_id).status
        reason = _why_pointless(mail, status)
        if reason is not None:
            note = partial(_note, mail, audit.MAIL_DROPPED, "Dropped a mail that was of no use any more", reason=reason)
            self.settle(row_id, owner, also=note, mime=None, last_error=reason)
            return
        self._transport.send(self._message(mail), mail)
        note = partial(_note, mail, audit.MAIL_SENT, SENT[mail.kind])
        self.settle(row_id, owner, also=note, sent_at=clock.utcnow(), mime=None, last_error=None)

    def wait_after(self, attempts: int) -> timedelta | None:
        """Return 30 s at first, doubled up to two hours; None after about two days."""
        return exponential(attempts, first=FIRST_WAIT, longest=LONGEST_WAIT) if attempts < MAX_ATTEMPTS else None

    def abandon(self, row_id: Any, owner: str, error: str) -> None:
        """Keep that it was given up, not what it said; the envelope's trail says so too, and the API is told."""
        with self.database.reading() as session:
            mail = session.get_one(Mail, row_id)

        def note(session: Session) -> None:
            envelope = _note(mail, audit.MAIL_FAILED, "A mail could not be delivered", session, reason=error)
            self._events.add(session, envelope, EventType.RECIPIENT_MAIL_FAILED)

        self.settle(row_id, owner, also=note, last_error=error, abandoned_at=clock.utcnow(), mime=None)

    def _message(self, mail: Mail) -> EmailMessage:
        if mail.mime is None:
            raise GiveUp("The text of the mail is gone.")
        message = email.message_from_bytes(mail.mime, _class=EmailMessage, policy=SMTP)
        if mail.attachment_key and mail.attachment_name:
            content = self._storage.read(mail.attachment_key)
            message.add_attachment(content, maintype="application", subtype="pdf", filename=mail.attachment_name)
        return message


def _why_pointless(mail: Mail, status: EnvelopeStatus) -> str | None:
    if mail.kind in ABOUT_OPEN_ENVELOPES and status is not EnvelopeStatus.SENT:
        return f"The envelope was over before the {mail.kind} was sent."
    if mail.kind is MailKind.CODE and mail.created_at + CODE_LIFETIME <= clock.utcnow():
        return "The code was too old before it was sent."
    return None


def _note(mail: Mail, event: str, description: str, session: Session, *, reason: str | None = None) -> Envelope:
    envelope = lock_envelope(session, mail.envelope_id)
    details = {"recipient_id": str(mail.recipient_id), "kind": mail.kind.value, "reason": reason}
    audit.record_service(session, envelope, event, description, details)
    return envelope


def _failure(code: int) -> Exception:
    text = f"The mail server answered {code}."
    return GiveUp(text) if code >= PERMANENT else TryAgain(text)


def _link(message: EmailMessage) -> str | None:
    body = message.get_body(("plain",))
    found = re.search(r"https?://\S+", body.get_content()) if body else None
    return found[0] if found else None
