"""Events from the provider: stored once and answered at once; the worker applies them (contract section 6)."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.domain import backoff, clock
from app.domain.errors import EnvelopeNotFound, ProviderError
from app.domain.ids import new_id
from app.domain.ports import SigningProvider
from app.models import ProviderEvent, SignatureRequest
from app.services import doubt, following, leases
from app.services.dependencies import Dependencies
from app.services.leases import Claim
from app.services.unit_of_work import reading, unit_of_work

log = structlog.get_logger(__name__)

#: One event is two reads at the provider; a lease outlives both.
LEASE = timedelta(minutes=3)

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=15)

#: An event for an envelope that we do not know is tried again for as long as a create can stay in doubt, and more.
UNMATCHED_AFTER = timedelta(days=1)

#: The one event whose fact cannot be read back from the provider's state (provider fact sheet, section 13.1).
VIEWED = "viewed"


def receive(body: bytes, headers: Mapping[str, str], *, deps: Dependencies) -> None:
    """Verify and store an event; one that is stored already is fine. Raises InvalidProviderEvent."""
    notice = deps.provider_events.verify(body, headers)
    now = clock.utcnow()
    event = ProviderEvent(
        id=new_id(),
        event_id=notice.event_id,
        type=notice.type,
        provider_id=notice.provider_id,
        body=body,
        received_at=now,
        due_at=now,
    )
    try:
        with unit_of_work() as session:
            session.add(event)
    except IntegrityError:
        log.info("provider event repeated", event_type=notice.type)


def run_once(*, limit: int, deps: Dependencies) -> int:
    """Apply the events that are due; return how many were attended to."""
    if deps.signing is None:
        return 0
    claims = leases.claim_due(ProviderEvent, limit=limit, lease=LEASE)
    leases.attend_each(claims, partial(_attend, deps=deps))
    return len(claims)


def _attend(held: Claim, *, deps: Dependencies) -> None:
    with reading() as session:
        event = session.get_one(ProviderEvent, held.row_id)
    try:
        outcome = _apply(event, deps=deps)
    except ProviderError as error:
        log.warning("provider event postponed", event_id=str(event.id), operation=error.operation, status=error.status)
        outcome = None
    retry = backoff.exponential(held.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
    with unit_of_work() as session:
        event = session.get_one(ProviderEvent, held.row_id)
        if not leases.holds(event, held):
            return
        leases.release(event, after=None if outcome else retry)
        if outcome:
            event.outcome = outcome
            event.applied_at = clock.utcnow()


def _apply(event: ProviderEvent, *, deps: Dependencies) -> str | None:
    """Return the outcome; None when the event has to wait for the request that it is about."""
    if event.provider_id is None or deps.signing is None:
        return "ignored"
    with reading() as session:
        request_id = session.scalar(select(SignatureRequest.id).filter_by(provider_id=event.provider_id))
    if request_id is None:
        return _apply_to_unknown(event, event.provider_id, signing=deps.signing, deps=deps)
    following.follow(
        request_id,
        event.provider_id,
        signing=deps.signing,
        settings=deps.settings,
        viewed=event.type.rpartition(".")[2] == VIEWED,
    )
    return "applied"


def _apply_to_unknown(
    event: ProviderEvent, provider_id: str, *, signing: SigningProvider, deps: Dependencies
) -> str | None:
    """Deal with an envelope that no request has: one in doubt may be looking for exactly this one."""
    try:
        reference = signing.read(provider_id).reference
    except EnvelopeNotFound:
        return "unmatched"
    if reference and doubt.claim_found(reference, provider_id, signing=signing, deps=deps):
        return "adopted"
    return "unmatched" if clock.utcnow() - event.received_at > UNMATCHED_AFTER else None
