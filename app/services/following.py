"""Following an envelope: reading the provider's present state and deriving what changed here.

State always comes from a fresh read, never from what an event claims, so the order and number of events do not
matter (contract section 6).
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.config import Settings
from app.domain import backoff, clock
from app.domain.lifecycle import OPEN, Action
from app.domain.ports import EnvelopeState, EnvelopeStatus, RecipientState, SigningProvider
from app.models import Recipient, SignatureRequest
from app.services import leases, transitions
from app.services.unit_of_work import unit_of_work

CAUSE = "provider"

LONGEST_POLL = timedelta(hours=6)


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

    `viewed` says that an event told of a first view, the one fact that the provider's state does not hold. A request
    that is still open is polled again, the later the more often (`polls`) that brought no news. Raises ProviderError;
    then nothing has changed.
    """
    state = signing.read(provider_id)
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        apply_state(session, request, state, viewed=viewed)
        if awaits_news(request):
            schedule_poll(request, settings=settings, polls=polls)
    return request


def awaits_news(request: SignatureRequest) -> bool:
    """Say whether something is still to happen to the request at the provider."""
    return request.status in OPEN and request.finished_at is None


def schedule_poll(request: SignatureRequest, *, settings: Settings, polls: int = 0) -> None:
    """Have the worker ask the provider after a while without news, and in any case when the request expires."""
    first = timedelta(seconds=settings.provider_poll_seconds)
    wait = backoff.exponential(polls + 1, first=first, longest=max(first, LONGEST_POLL))
    now = clock.utcnow()
    leases.release(request, after=wait)
    request.attempts = polls
    if request.expires_at is not None and now < request.expires_at < now + wait:
        request.due_at = request.expires_at


def apply_state(session: Session, request: SignatureRequest, state: EnvelopeState, *, viewed: bool = False) -> None:
    """Derive what changed on a locked request; a state read earlier than one already applied changes nothing."""
    _apply_recipients(session, request, state)
    if request.status not in OPEN:
        return
    if viewed:
        transitions.apply(session, request, Action.VIEW, cause=CAUSE)
    match state.status:
        case EnvelopeStatus.FINISHED if request.finished_at is None:
            # `completed` is told once the signed PDF is ours; the archive takes over from here.
            request.finished_at = state.finished_at or clock.utcnow()
            leases.hand_over(request)
        case EnvelopeStatus.CANCELLED if request.expiry_requested_at and not request.cancel_requested_at:
            transitions.apply(session, request, Action.EXPIRE, cause=CAUSE)
        case EnvelopeStatus.CANCELLED:
            transitions.apply(session, request, Action.CANCEL, cause=CAUSE, reason=request.cancel_reason)
        case EnvelopeStatus.DECLINED:
            transitions.apply(session, request, Action.DECLINE, cause=CAUSE, reason=_decline_reason(state))
        case EnvelopeStatus.EXPIRED:
            transitions.apply(session, request, Action.EXPIRE, cause=CAUSE)
    if request.status not in OPEN:
        leases.release(request, after=None)


def match_recipient(recipients: list[Recipient], state: RecipientState) -> Recipient | None:
    """Return the person whom the provider speaks of: by its id, else by order and address."""
    for recipient in recipients:
        if recipient.provider_id == state.provider_id:
            return recipient
    for recipient in recipients:
        if recipient.order == state.order and recipient.email.lower() == state.email.lower():
            return recipient
    return None


def _apply_recipients(session: Session, request: SignatureRequest, state: EnvelopeState) -> None:
    for person in state.recipients:
        recipient = match_recipient(request.recipients, person)
        if recipient is None:
            continue
        if person.signed_at is not None:
            transitions.mark_signed(session, request, recipient, at=person.signed_at, cause=CAUSE)
        if person.declined_at is not None:
            transitions.mark_declined(session, request, recipient, at=person.declined_at, cause=CAUSE)


def _decline_reason(state: EnvelopeState) -> str | None:
    reasons = (person.decline_reason for person in state.recipients if person.declined_at is not None)
    return next(reasons, None)
