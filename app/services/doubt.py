"""Resolving doubt: finding the envelope of a request whose create call was never answered (contract section 4)."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy import and_, or_
from sqlalchemy.orm import Session
from structlog.contextvars import bind_contextvars

from app.config import Settings
from app.domain import backoff, clock
from app.domain.errors import ProviderError
from app.domain.history import Cause
from app.domain.lifecycle import Action, Status
from app.domain.ports import EnvelopeStatus, FoundEnvelope, SentEnvelope, SigningProvider
from app.models import SignatureRequest
from app.services import following, idempotency, leases, transitions
from app.services.dependencies import Dependencies
from app.services.leases import Claim
from app.services.paging import stamp_created_at
from app.services.recording import cancel_late, record
from app.services.unit_of_work import reading, unit_of_work

log = structlog.get_logger(__name__)

#: How far the provider's clock may be behind ours (provider fact sheet, section 18).
CLOCK_SKEW = timedelta(minutes=5)

#: Beyond its time-outs a call may take this long: the upload of a large document, a short wait after a 429.
IN_FLIGHT_SLACK = timedelta(seconds=30)

#: One look-up, an adoption, and the cancelling of what came late.
LEASE = timedelta(minutes=3)

FIRST_LOOK_UP = timedelta(seconds=5)
LONGEST_LOOK_UP = timedelta(minutes=5)

#: A request that was given up is looked for this long: its envelope may turn up late.
WATCH_FOR = timedelta(days=30)
FIRST_LATE_LOOK = timedelta(minutes=10)
LONGEST_LATE_LOOK = timedelta(days=1)

#: What the worker looks for: requests in doubt, and given-up ones whose envelope may still turn up.
AWAITS_ENVELOPE = or_(
    SignatureRequest.status == Status.CREATING,
    and_(SignatureRequest.status == Status.FAILED, SignatureRequest.provider_id.is_(None)),
)

GIVEN_UP = (
    "The signing service's answer was lost, and no envelope of this request was found there in time. Nobody can sign"
    " it; it is safe to create the request again."
)


def run_once(*, limit: int, deps: Dependencies) -> int:
    """Look for the envelopes of requests in doubt that are due; return how many were attended to."""
    if deps.signing is None:
        return 0
    claims = leases.claim_due(SignatureRequest, AWAITS_ENVELOPE, limit=limit, lease=LEASE)
    leases.attend_each(claims, partial(_attend, signing=deps.signing, deps=deps))
    return len(claims)


def look_up(request_id: UUID, *, signing: SigningProvider, deps: Dependencies) -> SignatureRequest | None:
    """Look for the envelope of a request by its reference; adopt it and return the request, or None.

    Adopting is safe even while the create call is still running: both then record the same envelope. An envelope that
    was created and never sent is deleted once that call is over. Raises ProviderError when the provider cannot be
    asked.
    """
    with reading() as session:
        request = session.get_one(SignatureRequest, request_id)
    if request.status != Status.CREATING:
        return request
    hits = _find(request, signing=signing)
    if in_doubt_since(request, deps.settings) is not None:
        for draft in (hit for hit in hits if hit.status is EnvelopeStatus.DRAFT):
            signing.delete_draft(draft.provider_id)
    sent = [hit for hit in hits if hit.status is not EnvelopeStatus.DRAFT]
    if not sent:
        return None
    return adopt(request_id, sent[-1].provider_id, signing=signing, deps=deps)


def adopt(request_id: UUID, provider_id: str, *, signing: SigningProvider, deps: Dependencies) -> SignatureRequest:
    """Take an envelope that was found as the request's own, in whatever state it is."""
    state = signing.read(provider_id)
    envelope = SentEnvelope(provider_id=provider_id, recipients=state.recipients)
    record(request_id, envelope, signing=signing, deps=deps)
    log.info("envelope adopted", signature_request_id=str(request_id), provider_id=provider_id)
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        following.apply_state(session, request, state)
    return request


def claim_found(request_id: UUID, provider_id: str, *, signing: SigningProvider, deps: Dependencies) -> bool:
    """Deal with an envelope that carries our reference and that no request has: adopt it, or cancel it.

    Returns False while the request's own create call may still be running.
    """
    bind_contextvars(signature_request_id=str(request_id))
    with reading() as session:
        request = session.get(SignatureRequest, request_id)
    if request is None or request.provider_id == provider_id:
        return True
    if request.status == Status.CREATING and in_doubt_since(request, deps.settings) is None:
        return False
    if request.status == Status.CREATING:
        adopt(request_id, provider_id, signing=signing, deps=deps)
    else:
        cancel_late(request_id, provider_id, signing=signing)
    return True


def in_doubt_since(request: SignatureRequest, settings: Settings) -> datetime | None:
    """Return when the create call of a `creating` request ended without a clear answer; None while it is running.

    A process that died in the call recorded nothing, so a call that is older than any call can get is over.
    """
    if request.doubtful_since is not None:
        return request.doubtful_since
    latest = request.claimed_at + in_flight_window(settings)
    return latest if latest <= clock.utcnow() else None


def in_flight_window(settings: Settings) -> timedelta:
    """Return how long after its claim a create call can still be running."""
    call = settings.provider_connect_timeout + settings.provider_create_timeout
    upload = 2 * (settings.provider_connect_timeout + settings.provider_read_timeout)
    return timedelta(seconds=call + upload) + IN_FLIGHT_SLACK


def _attend(held: Claim, *, signing: SigningProvider, deps: Dependencies) -> None:
    bind_contextvars(signature_request_id=str(held.row_id))
    with reading() as session:
        status = session.get_one(SignatureRequest, held.row_id).status
    try:
        if status == Status.CREATING:
            _resolve_doubt(held, signing=signing, deps=deps)
        else:
            _watch_for_late_envelope(held, signing=signing)
    except ProviderError as error:
        # Not being able to ask is no answer: the request stays in doubt for as long as that lasts.
        log.warning("look-up failed", signature_request_id=str(held.row_id), operation=error.operation)
        _look_again(held, first=FIRST_LOOK_UP, longest=LONGEST_LOOK_UP)


def _resolve_doubt(held: Claim, *, signing: SigningProvider, deps: Dependencies) -> None:
    """Adopt the envelope if it is found; give the request up once the period of doubt is over without one."""
    asked_at = clock.utcnow()
    if look_up(held.row_id, signing=signing, deps=deps) is not None:
        return
    with unit_of_work() as session:
        request = transitions.lock(session, held.row_id)
        if not leases.holds(request, held) or request.status != Status.CREATING:
            return
        doubt_began = in_doubt_since(request, deps.settings)
        if doubt_began is not None and asked_at >= doubt_began + timedelta(
            seconds=deps.settings.provider_doubt_seconds
        ):
            _give_up(session, request)
        else:
            wait = backoff.exponential(held.attempts, first=FIRST_LOOK_UP, longest=LONGEST_LOOK_UP)
            leases.release(request, after=wait)


def _give_up(session: Session, request: SignatureRequest) -> None:
    """Make a request that has no envelope visible as `failed`, and free its key."""
    idempotency.free(session, resource_id=request.id)
    request.created_at = stamp_created_at(session, SignatureRequest, request.project_id)
    transitions.apply(session, request, Action.FAIL, cause=Cause.DOUBT, reason=GIVEN_UP)
    leases.hand_over(request)
    request.due_at = clock.utcnow() + FIRST_LATE_LOOK


def _watch_for_late_envelope(held: Claim, *, signing: SigningProvider) -> None:
    """Cancel what turns up after a request was given up; stop watching after a while."""
    with reading() as session:
        request = session.get_one(SignatureRequest, held.row_id)
    for hit in _find(request, signing=signing):
        if hit.status is EnvelopeStatus.DRAFT:
            signing.delete_draft(hit.provider_id)
        elif hit.status is EnvelopeStatus.OPEN:
            cancel_late(request.id, hit.provider_id, signing=signing)
    if clock.utcnow() - request.claimed_at < WATCH_FOR:
        _look_again(held, first=FIRST_LATE_LOOK, longest=LONGEST_LATE_LOOK)
    else:
        _look_again(held, first=None)


def _look_again(held: Claim, *, first: timedelta | None, longest: timedelta = timedelta.max) -> None:
    wait = None if first is None else backoff.exponential(held.attempts, first=first, longest=longest)
    with unit_of_work() as session:
        request = transitions.lock(session, held.row_id)
        if leases.holds(request, held):
            leases.release(request, after=wait)


def _find(request: SignatureRequest, *, signing: SigningProvider) -> tuple[FoundEnvelope, ...]:
    return signing.find_by_reference(request.id, name=request.name, created_after=request.claimed_at - CLOCK_SKEW)
