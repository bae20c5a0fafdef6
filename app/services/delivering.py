"""Delivering: what is due is sent by a pool of threads; everything is read and written by the one that calls."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app.config import Settings
from app.domain import backoff, clock
from app.domain.ports import WebhookAnswer, WebhookFault, WebhookRequest, WebhookSender
from app.models import DeliveryStatus, SwitchOffReason, WebhookAttempt, WebhookDelivery, WebhookSubscription
from app.services import deliveries, delivery_order, lanes, leases, webhooks
from app.services.dependencies import Dependencies
from app.services.leases import Claim
from app.services.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)

#: What a lease adds to the time of an attempt: a thread is free when a delivery is claimed, but may come to it late.
LEASE_SLACK = timedelta(seconds=45)

#: Contract section 5: about so long after the attempt before.
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=24)

#: A subscription all of whose deliveries have failed for so long is switched off.
FAILING_FOR = timedelta(days=5)

#: An attempt whose worker died is made again. A delivery that kills its worker must not do so for ever.
MOST_INTERRUPTIONS = 10

OUR_FAULT = WebhookAnswer(status=None, duration_ms=0, error=WebhookFault.INTERNAL)


@dataclass(frozen=True, kw_only=True)
class Flight:
    """A delivery that this worker has claimed and sends."""

    held: Claim
    subscription_id: UUID
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


def run_once(*, limit: int, deps: Dependencies, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Deliver what is due and what becomes due meanwhile, `limit` at a time; return how many attempts were made.

    When told to stop, it finishes what is in flight.
    """
    made = 0
    in_flight: dict[Future[Landing], Flight] = {}
    with ThreadPoolExecutor(max_workers=limit, thread_name_prefix="webhooks") as threads:
        while True:
            if not is_stopped():
                for flight in _take_off(list(in_flight.values()), limit=limit, deps=deps):
                    in_flight[threads.submit(_send, flight, deps.webhooks)] = flight
            if not in_flight:
                return made
            # What becomes due for another receiver must not wait for the slow ones.
            landed, _ = wait(in_flight, timeout=deps.settings.worker_idle_seconds, return_when=FIRST_COMPLETED)
            for done in landed:
                del in_flight[done]
            if landed:
                _record([done.result() for done in landed], settings=deps.settings)
            made += len(landed)


def _take_off(in_flight: Sequence[Flight], *, limit: int, deps: Dependencies) -> Sequence[Flight]:
    """Claim as many deliveries as there are free threads.

    Receivers that fail tend to be slow about it: at most half of the threads are theirs.
    """
    free = limit - len(in_flight)
    free_for_failing = min(free, max(1, limit // 2) - sum(flight.is_failing for flight in in_flight))
    lease = timedelta(seconds=deps.settings.webhook_timeout) + LEASE_SLACK
    claims: list[Claim] = []
    with unit_of_work() as session:
        if free_for_failing > 0:
            claims += lanes.claim(session, failing=True, limit=free_for_failing, lease=lease)
        if free > len(claims):
            claims += lanes.claim(session, failing=False, limit=free - len(claims), lease=lease)
        return _prepare(session, claims) if claims else ()


def _prepare(session: Session, claims: Sequence[Claim]) -> Sequence[Flight]:
    """Load what is to be sent; what belongs to a subscription that is switched off is dropped instead."""
    held_by_id = {held.row_id: held for held in claims}
    rows = session.execute(
        select(WebhookDelivery, WebhookSubscription)
        .join(WebhookSubscription)
        .where(WebhookDelivery.id.in_(held_by_id))
        .options(undefer(WebhookDelivery.body))
    ).all()
    for delivery, subscription in rows:
        if not subscription.active:
            deliveries.finish(delivery, DeliveryStatus.DROPPED)
    for subscription_id in {subscription.id for _, subscription in rows if not subscription.active}:
        lanes.clear(session, subscription_id)
    return [
        Flight(
            held=held_by_id[delivery.id],
            subscription_id=subscription.id,
            request_id=delivery.request_id,
            is_failing=subscription.failing_since is not None,
            interruptions=held_by_id[delivery.id].attempts - 1 - delivery.failures,
            message=WebhookRequest(
                url=subscription.url,
                event=delivery.event,
                delivery_id=delivery.id,
                body=delivery.body,
                secrets=webhooks.secrets_of(subscription),
                sent_at=clock.utcnow(),
            ),
        )
        for delivery, subscription in rows
        if subscription.active
    ]


def _send(flight: Flight, sender: WebhookSender) -> Landing:
    """Make one attempt; it runs in a thread of the pool, with no transaction open."""
    at = clock.utcnow()
    try:
        is_deadly = flight.interruptions > MOST_INTERRUPTIONS
        answer = OUR_FAULT if is_deadly else sender.send(replace(flight.message, sent_at=at))
    except Exception:  # A fault with one delivery must not stop the others.
        log.exception("delivery not sent", delivery_id=str(flight.held.row_id))
        answer = OUR_FAULT
    return Landing(flight=flight, at=at, answer=answer)


def _record(landings: Sequence[Landing], *, settings: Settings) -> None:
    """Record attempts, let what waited for them go, and switch off subscriptions that want or can do no more."""
    request_ids = {landing.flight.request_id for landing in landings if landing.flight.request_id is not None}
    with unit_of_work() as session:
        delivery_order.lock_requests(session, request_ids)
        by_delivery = {landing.flight.held.row_id: landing for landing in landings}
        rows = session.execute(
            select(WebhookDelivery, WebhookSubscription)
            .join(WebhookSubscription)
            .where(WebhookDelivery.id.in_(by_delivery))
            .order_by(WebhookDelivery.id)
            .with_for_update(of=WebhookDelivery)
        ).all()
        for delivery, subscription in rows:
            landing = by_delivery[delivery.id]
            if leases.holds(delivery, landing.flight.held):
                _conclude(session, delivery, subscription, landing, settings=settings)
            else:
                log.warning("attempt outlived its lease", delivery_id=str(delivery.id))
        delivery_order.let_next_go(session, request_ids, at=clock.utcnow())
    for subscription_id in {subscription.id for _, subscription in rows if not subscription.active}:
        with unit_of_work() as session:
            lanes.clear(session, subscription_id)


def _conclude(
    session: Session,
    delivery: WebhookDelivery,
    subscription: WebhookSubscription,
    landing: Landing,
    *,
    settings: Settings,
) -> None:
    answer = landing.answer
    delivery.attempts_made += 1
    session.add(_attempt(delivery, landing))
    if answer.delivered:
        subscription.failing_since = None
        deliveries.finish(delivery, DeliveryStatus.DELIVERED)
        return
    subscription.failing_since = subscription.failing_since or landing.at
    if answer.gone:
        webhooks.switch_off(subscription, SwitchOffReason.GONE)
    if not subscription.active:
        deliveries.finish(delivery, DeliveryStatus.DROPPED)
        return
    delivery.failures += 1
    if delivery.failures < len(settings.webhook_retry_seconds):
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


def _attempt(delivery: WebhookDelivery, landing: Landing) -> WebhookAttempt:
    answer = landing.answer
    return WebhookAttempt(
        delivery_id=delivery.id,
        number=delivery.attempts_made,
        at=landing.at,
        status=answer.status,
        error=answer.error,
        duration_ms=answer.duration_ms,
        # PostgreSQL stores no NUL.
        answer=answer.body.replace("\0", "\N{REPLACEMENT CHARACTER}"),
    )
