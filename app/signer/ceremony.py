"""The rules of signing: what a person behind a link sees, enters and decides. Knows no HTTP.

A link is the path `/signing/<token>` below the service's public address; the token is all that a person needs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.errors import NotFound
from app.signer import audit
from app.signer.answers import InvalidAnswers, Redraw, check_answers, draft_of
from app.signer.ceremony_view import (
    CeremonyClosed,
    CeremonyField,
    CeremonyState,
    CeremonyView,
    Client,
    fields_of,
    needs_code,
    require_admitted,
    require_turn,
    state_of,
    view_of,
)
from app.signer.codes import code_step
from app.signer.database import Database
from app.signer.events import EventOutbox, EventType
from app.signer.files import FileKind, FileLinks
from app.signer.languages import tell as _
from app.signer.letters import Letters
from app.signer.links import find_link, lock_link, require_link
from app.signer.models import EnvelopeStatus, Link, Recipient
from app.signer.opening import record_opening
from app.signer.page_images import PageImages, PageTexts
from app.signer.showing import ShownDocument, find_shown_document
from app.signer.signing_order import acting, whose_turn
from app.signer.text import holds_control

__all__ = ["Ceremony", "CeremonyClosed", "CeremonyField", "CeremonyState", "CeremonyView", "Client", "InvalidAnswers"]

MAX_REASON = 500


@dataclass(frozen=True, kw_only=True)
class Ceremony:
    """The signing of one person at a time. Every method takes the token of their link."""

    database: Database
    events: EventOutbox
    letters: Letters
    files: FileLinks
    page_images: PageImages
    page_texts: PageTexts
    redraw: Redraw
    #: Tells the background jobs of this process that there is work.
    wake: Callable[[], None]

    def find(self, token: str) -> CeremonyView | None:
        """Return what the person sees, or None for a link that was never made. Changes nothing."""
        with self.database.reading() as session:
            link = find_link(session, token)
            return self._view(session, link) if link else None

    def open(self, token: str, client: Client) -> CeremonyView:
        """Record that a person, not a mail scanner, opened the document; raise NotFound for an unknown token.

        Nothing is recorded while a code has to be entered first.
        """
        with self.database.unit_of_work() as session:
            link = lock_link(session, token)
            if state_of(link.recipient) is CeremonyState.READY and not needs_code(link):
                self._record_view(session, link.recipient, client)
            view = self._view(session, link)
        self.wake()
        return view

    def finish(self, token: str, *, values: Mapping[str, str], consent: bool, client: Client) -> CeremonyView:
        """Sign (or approve) with what was entered, by field id.

        Raises InvalidAnswers, CeremonyClosed when it is not (or no longer) this person's turn, NotFound.
        """
        with self.database.reading() as session:
            fields = fields_of(_require_ready(require_link(session, token)))
        # Pictures are looked at in a child process, so no transaction is open; fields never change once sent.
        answers = check_answers(fields, values, consent=consent, redraw=self.redraw)
        with self.database.unit_of_work() as session:
            link = lock_link(session, token)
            recipient = _require_ready(link)
            self._record_view(session, recipient, client)
            self._record_signature(session, recipient, answers, client)
            self._move_on(session, recipient)
            view = self._view(session, link)
        self.wake()
        return view

    def keep_draft(self, token: str, values: Mapping[str, str]) -> None:
        """Keep what was entered so far, by field id, for when the person comes back; signatures are not kept.

        A signature belongs to the moment of signing, and the link may be opened on a device that others use too.
        Raises NotFound, CeremonyClosed.
        """
        with self.database.unit_of_work() as session:
            recipient = _require_ready(lock_link(session, token))
            recipient.draft = draft_of(fields_of(recipient), values)

    def decline(self, token: str, *, reason: str, client: Client) -> CeremonyView:
        """Refuse to sign, which ends the envelope for everybody.

        Raises InvalidAnswers for a reason over 500 characters or unprintable, CeremonyClosed, NotFound.
        """
        reason = " ".join(reason.split())
        if len(reason) > MAX_REASON or holds_control(reason):
            raise InvalidAnswers(
                field_errors={"reason": _("At most %(limit)s printable characters, please.", limit=MAX_REASON)}
            )
        with self.database.unit_of_work() as session:
            link = lock_link(session, token)
            recipient = _require_ready(link)
            self._record_view(session, recipient, client)
            self._record_refusal(session, recipient, reason or None, client)
            view = self._view(session, link)
        self.wake()
        return view

    def show(self, token: str) -> ShownDocument:
        """Return the document that the person has opened; raise NotFound, CeremonyClosed."""
        return find_shown_document(self.database, token)

    def page_image(self, document: ShownDocument, page: int) -> bytes:
        """Return a page, from 1, as PNG; raise NotFound for a page that does not exist."""
        if not 1 <= page <= document.page_count:
            raise NotFound("There is no such page.")
        return self.page_images.get(document, page)

    def document_texts(self, document: ShownDocument) -> bytes:
        """Return the text of every page as a JSON array."""
        return self.page_texts.get(document)

    def _record_view(self, session: Session, recipient: Recipient, client: Client) -> None:
        record_opening(session, recipient, client=client, events=self.events)

    def _record_signature(
        self, session: Session, recipient: Recipient, answers: Mapping[str, str | None], client: Client
    ) -> None:
        for field in fields_of(recipient):
            field.value = answers[str(field.id)]
        now = clock.utcnow()
        recipient.consented_at = recipient.signed_at = now
        recipient.consent_text = consent_text()
        recipient.language = client.language
        recipient.draft = None
        recipient.ip_address, recipient.user_agent = client.ip, client.user_agent
        recipient.envelope.updated_at = recipient.envelope.last_action_at = now
        consent = {"consent_text": recipient.consent_text}
        audit.record_signer(
            session, recipient, "terms_accepted", "Agreed to sign electronically", client=client, details=consent
        )
        audit.record_signer(session, recipient, "document_signed", "Signed the document", client=client)
        self.events.add(session, recipient.envelope, EventType.RECIPIENT_SIGNED)

    def _move_on(self, session: Session, recipient: Recipient) -> None:
        """Ask the next person; after the last one the envelope is finished and waits to be sealed."""
        envelope = recipient.envelope
        if any(other.signed_at is None for other in acting(envelope)):
            for following in whose_turn(envelope):
                if following.notified_at is None:
                    self.letters.invite(session, following)
            return
        envelope.status, envelope.finished_at = EnvelopeStatus.FINISHED, recipient.signed_at
        envelope.next_attempt_at = recipient.signed_at
        audit.record_service(session, envelope, "document_finished", "Everybody has signed")
        self.events.add(session, envelope, EventType.COMPLETED)

    def _record_refusal(self, session: Session, recipient: Recipient, reason: str | None, client: Client) -> None:
        envelope, now = recipient.envelope, clock.utcnow()
        recipient.declined_at, recipient.decline_reason = now, reason
        envelope.forget_drafts()
        recipient.ip_address, recipient.user_agent = client.ip, client.user_agent
        envelope.status, envelope.declined_at = EnvelopeStatus.DECLINED, now
        envelope.updated_at = envelope.last_action_at = now
        audit.record_signer(
            session, recipient, "signing_declined", "Declined to sign", client=client, details={"reason": reason}
        )
        self.events.add(session, envelope, EventType.RECIPIENT_DECLINED)
        self.letters.tell_declined(session, recipient)

    def _view(self, session: Session, link: Link) -> CeremonyView:
        recipient = link.recipient
        is_locked = needs_code(link)
        is_there = recipient.envelope.sealed_at is not None and not is_locked
        return view_of(
            recipient,
            consent_text=consent_text(),
            download_url=self.files.make(recipient.envelope.id, FileKind.SIGNED).url if is_there else None,
            code_step=code_step(session, recipient) if is_locked else None,
        )


def consent_text() -> str:
    """Return what a person agrees to, in their language; it is recorded as they read it."""
    return _(
        "I agree to use electronic records and signatures for this document, and I intend what I enter here to be my"
        " signature. I have read the document."
    )


def _require_ready(link: Link) -> Recipient:
    """Return whose link it is, if they may act now; else raise CeremonyClosed."""
    require_turn(link.recipient)
    require_admitted(link)
    return link.recipient
