"""What comes of an attempt: the delivery is made, tried again, abandoned or dropped; the next in order may go."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, bindparam, insert, select
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain import backoff, clock
from app.domain.ports import WebhookAnswer, WebhookRequest
from app.models import DeliveryStatus, SwitchOffReason, WebhookAttempt, WebhookDelivery, WebhookSubscription
from app.models.columns import table_of
from app.services import deliveries, delivery_order, leases, webhooks
from app.services.leases import Claim
from app.services.unit_of_work import run

log = structlog.get_logger(__name__)

#: Contract section 5: about so long after the attempt before.
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=24)

#: A subscription all of whose deliveries have failed for so long is switched off.
FAILING_FOR = timedelta(days=5)

#: Made once: making a statement takes longer than running it.
LOCK = (
    select(
        WebhookDelivery.id,
        WebhookDelivery.attempts_made,
        WebhookDelivery.lease_token,
        WebhookSubscription.failing_since,
        WebhookSubscription.active,
    )
    .join(WebhookSubscription)
    .where(WebhookDelivery.id.in_(bindparam("ids", expanding=True)))
    .order_by(WebhookDelivery.id)
    .with_for_update(of=WebhookDelivery)
)
WITH_SUBSCRIPTIONS = (
    select(WebhookDelivery, WebhookSubscription)
    .join(WebhookSubscription)
    .where(WebhookDelivery.id.in_(bindparam("ids", expanding=True)))
    .order_by(WebhookDelivery.id)
)
RECORD_ATTEMPTS = insert(table_of(WebhookAttempt))


@dataclass(frozen=True, kw_only=True)
class Flight:
    """A delivery that this worker has claimed and sends."""

    held: Claim
    request_id: UUID | None
    #: No attempt at this receiver has succeeded since one failed.
    is_failing: bool
    #: How often a worker died in the middle of it.
    interruptions: int
    message: WebhookRequest


@dataclass(frozen=True, kw_only=True)
class Landing:
    """A flight, and how it went."""

    flight: Flight
    at: datetime
    answer: WebhookAnswer


def record(session: Session, landings: Sequence[Landing], *, settings: Settings) -> Collection[UUID]:
    """Record attempts and what follows; return the subscriptions that are switched off, whose lanes are to be cleared.

    Who has lost the lease records nothing: another worker has made the attempt again.
    """
    if not landings:
        return ()
    by_delivery = {landing.flight.held.row_id: landing for landing in landings}
    request_ids = {landing.flight.request_id for landing in landings if landing.flight.request_id is not None}
    if request_ids:
        delivery_order.lock_requests(session, request_ids)
    rows = run(session, LOCK, {"ids": list(by_delivery)}).all()
    held = [row for row in rows if _is_held(row, by_delivery[row.id])]
    if held:
        run(session, RECORD_ATTEMPTS, [_attempt(row, by_delivery[row.id]) for row in held])
    delivered: Collection[UUID] = [row.id for row in held]
    switched_off: Collection[UUID] = ()
    # Mostly all is well, and then nothing but values is needed.
    if not all(by_delivery[row.id].answer.delivered and row.active and row.failing_since is None for row in held):
        delivered, switched_off = _conclude(session, {row.id: by_delivery[row.id] for row in held}, settings=settings)
    if delivered:
        deliveries.finish_delivered(session, delivered)
    if request_ids:
        delivery_order.let_next_go(session, request_ids, at=clock.utcnow())
    session.flush()  # What is claimed next is found by the rows.
    return switched_off


def _is_held(row: Row[*tuple[Any, ...]], landing: Landing) -> bool:
    is_held: bool = row.lease_token == landing.flight.held.token
    if not is_held:
        log.warning("attempt outlived its lease", delivery_id=str(row.id))
    return is_held


def _conclude(
    session: Session, landings: Mapping[UUID, Landing], *, settings: Settings
) -> tuple[Collection[UUID], Collection[UUID]]:
    """Conclude attempts some of which failed, or of whose receivers some were failing, in the deliveries' order.

    Returns the deliveries that are made, and the subscriptions that are switched off.
    """
    delivered, switched_off = [], set()
    for delivery, subscription in session.execute(WITH_SUBSCRIPTIONS, {"ids": list(landings)}):
        landing = landings[delivery.id]
        if landing.answer.delivered:
            subscription.failing_since = None
            delivered.append(delivery.id)
        else:
            _conclude_failure(delivery, subscription, landing, settings=settings)
        if not subscription.active:
            switched_off.add(subscription.id)
    return delivered, switched_off


def _conclude_failure(
    delivery: WebhookDelivery, subscription: WebhookSubscription, landing: Landing, *, settings: Settings
) -> None:
    answer = landing.answer
    delivery.attempts_made += 1
    subscription.failing_since = subscription.failing_since or landing.at
    if answer.gone:
        webhooks.switch_off(subscription, SwitchOffReason.GONE)
    elif not subscription.active:
        deliveries.finish(delivery, DeliveryStatus.DROPPED)
        return
    delivery.failures += 1
    if delivery.failures < len(settings.webhook_retry_seconds) and not answer.gone:
        leases.release(delivery, after=_wait(delivery.failures, answer, settings))
        return
    deliveries.finish(delivery, DeliveryStatus.ABANDONED)
    log.warning("delivery abandoned", delivery_id=str(delivery.id), webhook_id=str(subscription.id))
    if clock.utcnow() - subscription.failing_since >= FAILING_FOR:
        webhooks.switch_off(subscription, SwitchOffReason.FAILING)


def _wait(failures: int, answer: WebhookAnswer, settings: Settings) -> timedelta:
    """Return how long to wait after that many failures; a receiver may ask for more, up to a day."""
    scheduled = backoff.jittered(timedelta(seconds=settings.webhook_retry_seconds[failures]), share=JITTER)
    asked = timedelta(seconds=answer.retry_after or 0)
    return max(scheduled, min(asked, LONGEST_RETRY_AFTER))


def _attempt(delivery: Row[*tuple[Any, ...]], landing: Landing) -> dict[str, Any]:
    """Return the row of an attempt, the next one of a delivery on which it is not counted yet."""
    answer = landing.answer
    return {
        "delivery_id": delivery.id,
        "number": delivery.attempts_made + 1,
        "at": landing.at,
        "status": answer.status,
        "error": answer.error,
        "duration_ms": answer.duration_ms,
        # PostgreSQL stores no NUL.
        "answer": answer.body.replace("\0", "\N{REPLACEMENT CHARACTER}"),
    }
