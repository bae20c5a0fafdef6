"""Events from the provider: stored once and answered at once; the worker applies them (contract section 6)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from structlog.contextvars import bind_contextvars

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
    bind_contextvars(event_id=notice.event_id)
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
    """Apply the events that are due; return how many were attended to.

    Events of one envelope are applied together: each would read the same state, and reads are limited.
    """
    if deps.signing is None:
        return 0
    claims = leases.claim_due(ProviderEvent, limit=limit, lease=LEASE)
    batches = _by_envelope(claims)
    leases.attend_each([batch[0] for batch in batches.values()], lambda held: _attend(batches[held.row_id], deps=deps))
    return len(claims)


def _by_envelope(claims: Sequence[Claim]) -> dict[UUID, list[Claim]]:
    """Group claims by the envelope that they are about, under the row of the first."""
    with reading() as session:
        rows = session.execute(
            select(ProviderEvent.id, ProviderEvent.provider_id).where(
                ProviderEvent.id.in_([held.row_id for held in claims])
            )
        )
        envelopes = {row_id: provider_id or row_id for row_id, provider_id in rows}
    groups: dict[object, list[Claim]] = {}
    for held in claims:
        groups.setdefault(envelopes[held.row_id], []).append(held)
    return {group[0].row_id: group for group in groups.values()}


def _attend(batch: Sequence[Claim], *, deps: Dependencies) -> None:
    with reading() as session:
        events = session.scalars(
            select(ProviderEvent).where(ProviderEvent.id.in_([held.row_id for held in batch]))
        ).all()
    bind_contextvars(event_ids=[event.event_id for event in events])
    try:
        outcome = _apply(events, deps=deps)
    except ProviderError as error:
        log.warning("provider events postponed", count=len(batch), operation=error.operation, status=error.status)
        outcome = None
    with unit_of_work() as session:
        erased_at = session.scalar(select(SignatureRequest.erased_at).filter_by(provider_id=events[0].provider_id))
        for held in batch:
            event = session.get_one(ProviderEvent, held.row_id)
            if leases.holds(event, held):
                _settle(event, outcome, attempts=held.attempts)
                if erased_at is not None:
                    event.body = b""  # It names the people again.


def _settle(event: ProviderEvent, outcome: str | None, *, attempts: int) -> None:
    retry = backoff.exponential(attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
    leases.release(event, after=None if outcome else retry)
    if outcome:
        event.outcome = outcome
        event.applied_at = clock.utcnow()


def _apply(events: Sequence[ProviderEvent], *, deps: Dependencies) -> str | None:
    """Apply events of one envelope; return the outcome, None when they have to wait for their request."""
    provider_id = events[0].provider_id
    if provider_id is None or deps.signing is None:
        return "ignored"
    with reading() as session:
        request_id = session.scalar(select(SignatureRequest.id).filter_by(provider_id=provider_id))
    if request_id is None:
        received_at = min(event.received_at for event in events)
        return _apply_to_unknown(provider_id, received_at=received_at, signing=deps.signing, deps=deps)
    bind_contextvars(signature_request_id=str(request_id))
    following.follow(
        request_id,
        provider_id,
        signing=deps.signing,
        settings=deps.settings,
        viewed=any(event.type.rpartition(".")[2] == VIEWED for event in events),
    )
    return "applied"


def _apply_to_unknown(
    provider_id: str, *, received_at: datetime, signing: SigningProvider, deps: Dependencies
) -> str | None:
    """Deal with an envelope that no request has: one in doubt may be looking for exactly this one."""
    try:
        reference = signing.read(provider_id).reference
    except EnvelopeNotFound:
        # A draft that was deleted, say: there is nothing to wait for.
        return "unmatched"
    if reference and doubt.claim_found(reference, provider_id, signing=signing, deps=deps):
        return "adopted"
    return "unmatched" if clock.utcnow() - received_at > UNMATCHED_AFTER else None
