"""Asking the provider of our own accord: events get lost, and requests expire (contract section 6)."""

from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session
from structlog.contextvars import bind_contextvars

from app.domain import backoff, clock
from app.domain.errors import EnvelopeAlreadyOver, ProviderError
from app.domain.history import Cause
from app.domain.lifecycle import OPEN, Action, Status
from app.domain.ports import SigningProvider
from app.models import SignatureRequest
from app.services import following, leases, transitions
from app.services.dependencies import Dependencies
from app.services.leases import Claim
from app.services.unit_of_work import reading, serialise, unit_of_work

log = structlog.get_logger(__name__)

#: One poll is two reads, and at expiry a cancel and two more.
LEASE = timedelta(minutes=5)

#: The provider allows 200 reads a minute (provider fact sheet, section 1.2); polls take at most half, two each.
POLLS_PER_MINUTE = 50
MINUTE = timedelta(minutes=1)

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)

#: What we end at the provider is asked after once more: somebody may have signed just before.
ENDED_BY_US = frozenset({Status.CANCELLED, Status.EXPIRED})

#: A last look that fails so often, for more than half a day, is given up.
MOST_LAST_LOOKS = 20

#: What is asked after: requests of which the provider may know more than we do.
AWAITS_NEWS = or_(
    and_(SignatureRequest.status.in_(OPEN), SignatureRequest.finished_at.is_(None)),
    SignatureRequest.status.in_(ENDED_BY_US),
)

EXPIRED = "The request expired."


def run_once(*, limit: int, deps: Dependencies) -> int:
    """Poll the requests that are due, within the provider's rate limit; return how many."""
    if deps.signing is None or not leases.any_due(SignatureRequest, AWAITS_NEWS):
        return 0
    with unit_of_work() as session:
        claims = _claim(session, limit=limit)
    leases.attend_each(claims, partial(_attend, signing=deps.signing, deps=deps))
    return len(claims)


def _claim(session: Session, *, limit: int) -> list[Claim]:
    # The budget is the installation's, not a worker's: they count one after the other.
    serialise(session, "polling")
    now = clock.utcnow()
    spent = session.scalar(
        select(func.count()).where(SignatureRequest.polled_at > now - MINUTE, SignatureRequest.polled_at <= now)
    )
    claims = leases.claim(
        session,
        SignatureRequest,
        AWAITS_NEWS,
        limit=max(0, min(limit, POLLS_PER_MINUTE - (spent or 0))),
        lease=LEASE,
    )
    claimed = [held.row_id for held in claims]
    session.execute(update(SignatureRequest).where(SignatureRequest.id.in_(claimed)).values(polled_at=now))
    return list(claims)


def _attend(held: Claim, *, signing: SigningProvider, deps: Dependencies) -> None:
    bind_contextvars(signature_request_id=str(held.row_id))
    with reading() as session:
        request = session.get_one(SignatureRequest, held.row_id)
    try:
        request = _poll(request, held, signing=signing, deps=deps)
        if request.status in ENDED_BY_US:
            _release(held, after=None)
        elif following.awaits_news(request) and request.expires_at and request.expires_at <= clock.utcnow():
            _expire(request, held, signing=signing, deps=deps)
    except ProviderError as error:
        log.warning("poll failed", signature_request_id=str(held.row_id), operation=error.operation)
        wait = backoff.exponential(held.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
        asked = timedelta(seconds=error.retry_after or 0)
        is_hopeless = request.status in ENDED_BY_US and held.attempts >= MOST_LAST_LOOKS
        _release(held, after=None if is_hopeless else max(wait, asked))


def _release(held: Claim, *, after: timedelta | None) -> None:
    with unit_of_work() as session:
        request = transitions.lock(session, held.row_id)
        if leases.holds(request, held):
            leases.release(request, after=after)


def _poll(request: SignatureRequest, held: Claim, *, signing: SigningProvider, deps: Dependencies) -> SignatureRequest:
    return following.follow(
        request.id, request.envelope_id, signing=signing, settings=deps.settings, polls=held.attempts
    )


def _expire(request: SignatureRequest, held: Claim, *, signing: SigningProvider, deps: Dependencies) -> None:
    """Cancel at the provider what it still calls open after its time; here that is `expired`."""
    with unit_of_work() as session:
        transitions.lock(session, request.id).expiry_requested_at = clock.utcnow()
    try:
        signing.cancel(request.envelope_id, reason=EXPIRED)
    except EnvelopeAlreadyOver:
        _poll(request, held, signing=signing, deps=deps)
        return
    with unit_of_work() as session:
        request = transitions.lock(session, request.id)
        if transitions.apply(session, request, Action.EXPIRE, cause=Cause.WORKER):
            following.schedule_poll(request, settings=deps.settings)
