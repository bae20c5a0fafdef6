"""What the service writes to people. Each letter is queued in the transaction of what it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape

from sqlalchemy.orm import Session

from app.domain import clock, ids
from app.domain.ports import Designation
from app.signer.files import MAIL_LIFETIME, FileKind, FileLinks
from app.signer.links import add_link, signing_url
from app.signer.models import Envelope, Mail, MailKind, Recipient

#: A bigger final copy is linked, not attached (provider fact sheet, section 2.5).
MAX_ATTACHMENT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class _Letter:
    """What a letter says; `url` and `label` are its button."""

    kind: MailKind
    subject: str
    paragraphs: tuple[str, ...]
    url: str | None = None
    label: str = ""


class Letters:
    """Writes mails to recipients and queues them."""

    def __init__(self, *, public_url: str, mail_from: str, files: FileLinks) -> None:
        self._public_url = public_url
        self._sender = mail_from
        self._domain = parseaddr(mail_from)[1].rpartition("@")[2] or "localhost"
        self._files = files

    def invite(self, session: Session, recipient: Recipient) -> str:
        """Ask the recipient to act, and return their signing link.

        Without the envelope's `send_signing_email` only the link is made (provider fact sheet, section 2.5).
        """
        url = signing_url(self._public_url, add_link(session, recipient))
        recipient.notified_at = clock.utcnow()
        envelope = recipient.envelope
        if envelope.settings.get("send_signing_email", True):
            verb = _verb(recipient)
            letter = _Letter(
                kind=MailKind.INVITATION,
                subject=f"Please {verb}: {envelope.name}",
                paragraphs=(f"you are asked to {verb} “{envelope.name}”.", _about_link(envelope)),
                url=url,
                label="Open the document",
            )
            self._queue(session, recipient, letter)
        return url

    def remind(self, session: Session, recipient: Recipient, *, message: str | None) -> None:
        """Ask the recipient once more, with the sender's words if there are any; the earlier links keep working."""
        envelope, verb = recipient.envelope, _verb(recipient)
        words = (f"The sender writes: {message}",) if message else ()
        letter = _Letter(
            kind=MailKind.REMINDER,
            subject=f"Reminder: please {verb} {envelope.name}",
            paragraphs=(f"“{envelope.name}” still waits for you to {verb} it.", *words, _about_link(envelope)),
            url=signing_url(self._public_url, add_link(session, recipient)),
            label="Open the document",
        )
        self._queue(session, recipient, letter)

    def send_final_copies(self, session: Session, envelope: Envelope, *, size: int) -> None:
        """Send everybody the sealed document of `size` bytes: attached, or linked when it is big."""
        if not envelope.settings.get("send_finish_email", True):
            return
        attach = envelope.settings.get("attach_pdf_on_finish", True) and size <= MAX_ATTACHMENT_BYTES
        where = "It is attached, sealed against changes." if attach else "You can download it, sealed against changes."
        letter = _Letter(
            kind=MailKind.FINAL_COPY,
            subject=f"Completed: {envelope.name}",
            paragraphs=(f"everybody has signed “{envelope.name}”.", where),
            url=self._files.make(envelope.id, FileKind.SIGNED, lifetime=MAIL_LIFETIME).url,
            label="Download the document",
        )
        for recipient in envelope.recipients:
            mail = self._queue(session, recipient, letter)
            if attach:
                mail.attachment_key = envelope.signed_key
                mail.attachment_name = f"{envelope.id}-signed.pdf"

    def tell_cancelled(self, session: Session, envelope: Envelope) -> int:
        """Tell everybody who was asked that they need not sign any more; return how many that are."""
        if not envelope.settings.get("send_cancellation_email", True):
            return 0
        letter = _Letter(
            kind=MailKind.CANCELLATION,
            subject=f"Cancelled: {envelope.name}",
            paragraphs=(f"“{envelope.name}” has been cancelled by its sender. You need not do anything.",),
        )
        return self._tell(session, _asked(envelope), letter)

    def tell_declined(self, session: Session, decliner: Recipient) -> None:
        """Tell the others who were asked that the document will not be signed."""
        envelope = decliner.envelope
        letter = _Letter(
            kind=MailKind.DECLINED,
            subject=f"Declined: {envelope.name}",
            paragraphs=(f"“{envelope.name}” will not be completed, because somebody declined to sign it.",),
        )
        self._tell(session, [one for one in _asked(envelope) if one is not decliner], letter)

    def tell_expired(self, session: Session, envelope: Envelope) -> None:
        """Tell everybody who was asked that the time is over."""
        if not envelope.settings.get("send_expiration_email", True):
            return
        letter = _Letter(
            kind=MailKind.EXPIRATION,
            subject=f"Expired: {envelope.name}",
            paragraphs=(f"the time to sign “{envelope.name}” is over. You need not do anything.",),
        )
        self._tell(session, _asked(envelope), letter)

    def _tell(self, session: Session, recipients: Sequence[Recipient], letter: _Letter) -> int:
        for recipient in recipients:
            self._queue(session, recipient, letter)
        return len(recipients)

    def _queue(self, session: Session, recipient: Recipient, letter: _Letter) -> Mail:
        now, mail_id = clock.utcnow(), ids.new_id()
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = Address(recipient.name, addr_spec=recipient.email)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(now)
        # Made once, so that a mail which is sent twice is recognised as the same.
        message["Message-ID"] = f"<{mail_id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        paragraphs = (f"Hello {recipient.name},", *letter.paragraphs)
        message.set_content("\n\n".join([*paragraphs, *filter(None, [letter.url])]) + "\n")
        message.add_alternative(_html(paragraphs, letter.url, letter.label), subtype="html")
        mail = Mail(
            id=mail_id,
            envelope_id=recipient.envelope_id,
            recipient_id=recipient.id,
            kind=letter.kind,
            address=recipient.email,
            message_id=message["Message-ID"],
            mime=message.as_bytes(),
            attempts=0,
            created_at=now,
            next_attempt_at=now,
        )
        session.add(mail)
        return mail


def _asked(envelope: Envelope) -> list[Recipient]:
    return [recipient for recipient in envelope.recipients if recipient.notified_at is not None]


def _verb(recipient: Recipient) -> str:
    return "approve" if recipient.designation is Designation.APPROVER else "sign"


def _about_link(envelope: Envelope) -> str:
    return f"The link is for you alone; please do not pass it on. It works until {_in_words(envelope)}."


def _in_words(envelope: Envelope) -> str:
    return f"{envelope.expires_at:%d %B %Y, %H:%M} UTC"


def _html(paragraphs: Sequence[str], url: str | None, label: str) -> str:
    body = "".join(f'<p style="white-space:pre-line">{escape(paragraph)}</p>' for paragraph in paragraphs)
    button = (
        f'<p><a href="{escape(url)}" style="display:inline-block;padding:12px 24px;background:#1d4e89;color:#fff;'
        f'text-decoration:none;border-radius:6px">{escape(label)}</a></p>'
        if url
        else ""
    )
    return f'<!doctype html><html lang="en"><body style="font-family:sans-serif">{body}{button}</body></html>\n'
