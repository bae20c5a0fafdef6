"""What the service writes to people. Each letter is queued in the transaction of what it is about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import partial
from html import escape

from sqlalchemy.orm import Session

from app.domain import clock, ids
from app.domain.ports import Designation
from app.signer.files import MAIL_LIFETIME, FileKind, FileLinks
from app.signer.languages import Language, moment, speaking, spoken
from app.signer.languages import tell as _
from app.signer.links import add_link, signing_url
from app.signer.models import Envelope, Mail, MailKind, Recipient

#: How long a one-time code can be entered (provider fact sheet, section 12).
CODE_LIFETIME = timedelta(minutes=10)

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
    """Writes mails to recipients and queues them, each in the language of its reader.

    `language` is for those of whom it is not known: they have not opened the document yet.
    """

    def __init__(self, *, public_url: str, mail_from: str, language: Language, files: FileLinks) -> None:
        self._public_url = public_url
        self._sender = mail_from
        self._language = language
        self._domain = parseaddr(mail_from)[1].rpartition("@")[2] or "localhost"
        self._files = files

    def invite(self, session: Session, recipient: Recipient) -> str:
        """Ask the recipient to act, and return their signing link.

        Without the envelope's `send_signing_email` only the link is made (provider fact sheet, section 2.5).
        """
        url = signing_url(self._public_url, add_link(session, recipient))
        recipient.notified_at = clock.utcnow()
        if recipient.envelope.settings.get("send_signing_email", True):
            self._queue(session, recipient, partial(_invitation, recipient, url))
        return url

    def remind(self, session: Session, recipient: Recipient, *, message: str | None) -> None:
        """Ask the recipient once more, with the sender's words if there are any; the earlier links keep working."""
        url = signing_url(self._public_url, add_link(session, recipient))
        self._queue(session, recipient, partial(_reminder, recipient, url, message))

    def send_code(self, session: Session, recipient: Recipient, code: str) -> None:
        """Send the recipient a one-time code; no link beside it, so that the mail alone opens nothing."""
        self._queue(session, recipient, partial(_code, recipient.envelope, code))

    def send_final_copies(self, session: Session, envelope: Envelope, *, size: int) -> None:
        """Send everybody the sealed document of `size` bytes: attached, or linked when it is big."""
        if not envelope.settings.get("send_finish_email", True):
            return
        attach = envelope.settings.get("attach_pdf_on_finish", True) and size <= MAX_ATTACHMENT_BYTES
        url = self._files.make(envelope.id, FileKind.SIGNED, lifetime=MAIL_LIFETIME).url
        for recipient in envelope.recipients:
            mail = self._queue(session, recipient, partial(_final_copy, envelope, url, is_attached=attach))
            if attach:
                mail.attachment_key = envelope.signed_key
                mail.attachment_name = f"{envelope.id}-signed.pdf"

    def tell_cancelled(self, session: Session, envelope: Envelope) -> int:
        """Tell everybody who was asked that they need not sign any more; return how many that are."""
        if not envelope.settings.get("send_cancellation_email", True):
            return 0
        return self._tell(session, _asked(envelope), partial(_cancellation, envelope))

    def tell_declined(self, session: Session, decliner: Recipient) -> None:
        """Tell the others who were asked that the document will not be signed."""
        others = [one for one in _asked(decliner.envelope) if one is not decliner]
        self._tell(session, others, partial(_refusal, decliner.envelope))

    def tell_expired(self, session: Session, envelope: Envelope) -> None:
        """Tell everybody who was asked that the time is over."""
        if envelope.settings.get("send_expiration_email", True):
            self._tell(session, _asked(envelope), partial(_expiry, envelope))

    def _tell(self, session: Session, recipients: Sequence[Recipient], write: Callable[[], _Letter]) -> int:
        for recipient in recipients:
            self._queue(session, recipient, write)
        return len(recipients)

    def _queue(self, session: Session, recipient: Recipient, write: Callable[[], _Letter]) -> Mail:
        with speaking(Language(recipient.language) if recipient.language else self._language):
            letter = write()
            paragraphs = (_("Hello %(name)s,", name=recipient.name), *letter.paragraphs)
            html = _html(paragraphs, letter.url, letter.label)
        now, mail_id = clock.utcnow(), ids.new_id()
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = Address(recipient.name, addr_spec=recipient.email)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(now)
        # Made once, so that a mail which is sent twice is recognised as the same.
        message["Message-ID"] = f"<{mail_id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        link = [f"{letter.label}:\n{letter.url}"] if letter.url else []
        message.set_content("\n\n".join([*paragraphs, *link]) + "\n")
        message.add_alternative(html, subtype="html")
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


def _approves(recipient: Recipient) -> bool:
    return recipient.designation is Designation.APPROVER


def _about_link(envelope: Envelope) -> str:
    return _(
        "The link is for you alone; please do not pass it on. It works until %(time)s.",
        time=moment(envelope.expires_at),
    )


def _invitation(recipient: Recipient, url: str) -> _Letter:
    envelope = recipient.envelope
    if _approves(recipient):
        subject = _("Please approve: %(document)s", document=envelope.name)
        wish = _("You are asked to approve “%(document)s”.", document=envelope.name)
    else:
        subject = _("Please sign: %(document)s", document=envelope.name)
        wish = _("You are asked to sign “%(document)s”.", document=envelope.name)
    return _Letter(
        kind=MailKind.INVITATION,
        subject=subject,
        paragraphs=(wish, _about_link(envelope)),
        url=url,
        label=_("Open the document"),
    )


def _reminder(recipient: Recipient, url: str, message: str | None) -> _Letter:
    envelope = recipient.envelope
    if _approves(recipient):
        subject = _("Reminder: please approve %(document)s", document=envelope.name)
        wish = _("“%(document)s” still waits for you to approve it.", document=envelope.name)
    else:
        subject = _("Reminder: please sign %(document)s", document=envelope.name)
        wish = _("“%(document)s” still waits for you to sign it.", document=envelope.name)
    words = (_("The sender writes: %(message)s", message=message),) if message else ()
    return _Letter(
        kind=MailKind.REMINDER,
        subject=subject,
        paragraphs=(wish, *words, _about_link(envelope)),
        url=url,
        label=_("Open the document"),
    )


def _code(envelope: Envelope, code: str) -> _Letter:
    return _Letter(
        kind=MailKind.CODE,
        subject=_("Your code for: %(document)s", document=envelope.name),
        paragraphs=(
            _("Your code to open “%(document)s” is:", document=envelope.name),
            code,
            _("It works for %(minutes)s minutes.", minutes=CODE_LIFETIME // timedelta(minutes=1)),
            _("If you did not ask for it, ignore this mail, and do not give the code to anybody."),
        ),
    )


def _final_copy(envelope: Envelope, url: str, *, is_attached: bool) -> _Letter:
    return _Letter(
        kind=MailKind.FINAL_COPY,
        subject=_("Completed: %(document)s", document=envelope.name),
        paragraphs=(
            _("Everybody has signed “%(document)s”.", document=envelope.name),
            _("It is attached, sealed against changes.")
            if is_attached
            else _("You can download it, sealed against changes."),
        ),
        url=url,
        label=_("Download the document"),
    )


def _cancellation(envelope: Envelope) -> _Letter:
    return _Letter(
        kind=MailKind.CANCELLATION,
        subject=_("Cancelled: %(document)s", document=envelope.name),
        paragraphs=(
            _("“%(document)s” has been cancelled by its sender. You need not do anything.", document=envelope.name),
        ),
    )


def _refusal(envelope: Envelope) -> _Letter:
    return _Letter(
        kind=MailKind.DECLINED,
        subject=_("Declined: %(document)s", document=envelope.name),
        paragraphs=(
            _("“%(document)s” will not be completed, because somebody declined to sign it.", document=envelope.name),
        ),
    )


def _expiry(envelope: Envelope) -> _Letter:
    return _Letter(
        kind=MailKind.EXPIRATION,
        subject=_("Expired: %(document)s", document=envelope.name),
        paragraphs=(_("The time to sign “%(document)s” is over. You need not do anything.", document=envelope.name),),
    )


def _html(paragraphs: Sequence[str], url: str | None, label: str) -> str:
    body = "".join(f'<p style="white-space:pre-line">{escape(paragraph)}</p>' for paragraph in paragraphs)
    button = (
        f'<p><a href="{escape(url)}" style="display:inline-block;padding:12px 24px;background:#1d4e89;color:#fff;'
        f'text-decoration:none;border-radius:6px">{escape(label)}</a></p>'
        if url
        else ""
    )
    return f'<!doctype html><html lang="{spoken()}"><body style="font-family:sans-serif">{body}{button}</body></html>\n'
