"""Following an envelope: reading the provider's present state and deriving what changed here.

State always comes from a fresh read, never from what an event claims, so the order and number of events do not
matter (contract section 6).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain import backoff, clock
from app.domain.errors import ProviderError
from app.domain.history import Cause
from app.domain.lifecycle import OPEN, Action, Status
from app.domain.ports import EnvelopeState, EnvelopeStatus, RecipientState, SigningProvider
from app.models import Recipient, SignatureRequest
from app.services import leases, transitions
from app.services.shown import ShownRecipient
from app.services.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)

Person = TypeVar("Person", Recipient, ShownRecipient)

LONGEST_POLL = timedelta(hours=6)

#: Once the provider calls such a request over as well, there is nothing more to hear of it.
OVER_WITHOUT_FILES = frozenset({Status.CANCELLED, Status.DECLINED, Status.EXPIRED})


def follow(  # noqa: PLR0913 (keyword-only facts)
    request_id: UUID,
    provider_id: str,
    *,
    signing: SigningProvider,
    settings: Settings,
    polls: int = 0,
    viewed: bool = False,
) -> SignatureRequest:
    """Read the envelope and apply what it says; return the request as it is now.

    `viewed` says that an event told of a first view, the one fact that the provider's state does not hold; the audit
    trail tells who it was. A request that is still open is polled again, the later the more often (`polls`) that
    brought no news. Raises ProviderError; then nothing has changed.
    """
    state = signing.read(provider_id)
    viewers = _read_viewers(request_id, provider_id, signing=signing) if viewed else ()
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        if viewed:
            view(session, request, viewers)
        apply_state(session, request, state)
        if awaits_news(request):
            schedule_poll(request, settings=settings, polls=polls)
    return request


def awaits_news(request: SignatureRequest) -> bool:
    """Say whether something is still to happen to the request at the provider."""
    return request.status in OPEN and request.finished_at is None


def schedule_poll(request: SignatureRequest, *, settings: Settings, polls: int = 0) -> None:
    """Have the worker ask the provider after a while without news, and in any case when the request expires.

    Of a request that we have just ended it asks once: somebody may have signed in the last moment.
    """
    leases.release(request, after=None)
    request.due_at = next_poll(request.expires_at, settings=settings, polls=polls)
    request.attempts = polls


def next_poll(expires_at: datetime | None, *, settings: Settings, polls: int = 0) -> datetime:
    """Return when to ask the provider, after so many polls without news."""
    first = timedelta(seconds=settings.provider_poll_seconds)
    now = clock.utcnow()
    due_at = now + backoff.exponential(polls + 1, first=first, longest=max(first, LONGEST_POLL))
    return expires_at if expires_at is not None and now < expires_at < due_at else due_at


def view(session: Session, request: SignatureRequest, viewers: Sequence[str]) -> None:
    """Record the first view of a locked request; `viewers` are the addresses of who opened it, the first one first.

    A request of one person needs no trail. Where nobody can be named, nobody is.
    """
    named = [
        recipient
        for email in viewers
        for recipient in request.recipients
        if recipient.email.casefold() == email.casefold()
    ]
    people = request.recipients if len(request.recipients) == 1 else named
    transitions.apply(session, request, Action.VIEW, cause=Cause.PROVIDER, recipient=next(iter(people), None))


def apply_state(session: Session, request: SignatureRequest, state: EnvelopeState) -> None:
    """Derive what changed on a locked request; a state read earlier than one already applied changes nothing."""
    _apply_recipients(session, request, state)
    if request.status in OPEN:
        _apply_status(session, request, state)
    if request.status in OVER_WITHOUT_FILES and state.status is not EnvelopeStatus.OPEN:
        leases.release(request, after=None)


def _apply_status(session: Session, request: SignatureRequest, state: EnvelopeState) -> None:
    match state.status:
        case EnvelopeStatus.FINISHED if request.finished_at is None:
            # `completed` is told once the signed PDF is ours; the archive takes over from here.
            request.finished_at = state.finished_at or clock.utcnow()
            leases.hand_over(request)
        case EnvelopeStatus.CANCELLED if request.expiry_requested_at and not request.cancel_requested_at:
            transitions.apply(session, request, Action.EXPIRE, cause=Cause.PROVIDER)
        case EnvelopeStatus.CANCELLED:
            transitions.apply(session, request, Action.CANCEL, cause=Cause.PROVIDER, reason=request.cancel_reason)
        case EnvelopeStatus.DECLINED:
            decliner = next((person for person in request.recipients if person.declined_at is not None), None)
            reason = _decline_reason(state)
            transitions.apply(session, request, Action.DECLINE, cause=Cause.PROVIDER, reason=reason, recipient=decliner)
        case EnvelopeStatus.EXPIRED:
            transitions.apply(session, request, Action.EXPIRE, cause=Cause.PROVIDER)


def match_recipient(recipients: Collection[Person], state: RecipientState) -> Person | None:
    """Return the person whom the provider speaks of: by its id, else by order and address."""
    for recipient in recipients:
        if recipient.provider_id == state.provider_id:
            return recipient
    for recipient in recipients:
        if recipient.order == state.order and recipient.email.lower() == state.email.lower():
            return recipient
    return None


def _read_viewers(request_id: UUID, provider_id: str, *, signing: SigningProvider) -> Sequence[str]:
    """Return who has opened the envelope; a trail that cannot be read must not hold back the fact of the view."""
    try:
        return signing.viewers(provider_id)
    except ProviderError as error:
        log.warning("viewer not known", signature_request_id=str(request_id), operation=error.operation)
        return ()


def _apply_recipients(session: Session, request: SignatureRequest, state: EnvelopeState) -> None:
    for person in state.recipients:
        recipient = match_recipient(request.recipients, person)
        if recipient is None:
            continue
        if person.signed_at is not None:
            transitions.mark_signed(session, request, recipient, at=person.signed_at, cause=Cause.PROVIDER)
        if person.declined_at is not None:
            transitions.mark_declined(session, request, recipient, at=person.declined_at, cause=Cause.PROVIDER)
        if person.mail_failures:
            transitions.mark_mail_failed(
                session, request, recipient, reasons=person.mail_failures, cause=Cause.PROVIDER
            )


def _decline_reason(state: EnvelopeState) -> str | None:
    reasons = (person.decline_reason for person in state.recipients if person.declined_at is not None)
    return next(reasons, None)
