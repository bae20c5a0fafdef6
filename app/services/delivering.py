"""Delivering: what is due is sent by a pool of threads; everything is read and written by the one that calls."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from structlog.contextvars import bind_contextvars

from app.domain import clock
from app.domain.ports import WebhookAnswer, WebhookFault, WebhookRequest, WebhookSender
from app.models import WebhookDelivery, WebhookSubscription
from app.services import attempts, lanes, webhooks
from app.services.attempts import Flight, Landing
from app.services.dependencies import Dependencies
from app.services.leases import Claim
from app.services.unit_of_work import reading, unit_of_work

log = structlog.get_logger(__name__)

#: What a lease adds to the time of an attempt: a thread is free when a delivery is claimed, but may come to it late.
LEASE_SLACK = timedelta(seconds=45)

#: An attempt whose worker died is made again. A delivery that kills its worker must not do so for ever.
MOST_INTERRUPTIONS = 10

#: What the log calls this work.
QUEUE = "deliveries"

#: After one answer others follow soon, and a transaction for many costs little more than one for one.
LINGER_SECONDS = 0.005

WHAT_TO_SEND = (
    select(
        WebhookDelivery.id,
        WebhookDelivery.request_id,
        WebhookDelivery.failures,
        WebhookDelivery.event,
        WebhookDelivery.body,
        WebhookSubscription,
    )
    .join(WebhookSubscription)
    .where(WebhookDelivery.id.in_(bindparam("ids", expanding=True)))
)

OUR_FAULT = WebhookAnswer(status=None, duration_ms=0, error=WebhookFault.INTERNAL)


def run_once(*, limit: int, deps: Dependencies, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Deliver what is due and what becomes due meanwhile, `limit` at a time; return how many attempts were made.

    When told to stop, it finishes what is in flight.
    """
    made = 0
    landings: Sequence[Landing] = ()
    in_flight: dict[Future[Landing], Flight] = {}
    with ThreadPoolExecutor(max_workers=limit, thread_name_prefix="webhooks") as threads:
        while True:
            flights = _turn(landings, in_flight.values(), limit=0 if is_stopped() else limit, deps=deps)
            in_flight |= {threads.submit(_send, flight, deps.webhooks): flight for flight in flights}
            made += len(landings)
            if not in_flight:
                return made
            # What becomes due for another receiver must not wait for the slow ones.
            landed, _ = wait(in_flight, timeout=deps.settings.worker_idle_seconds, return_when=FIRST_COMPLETED)
            if landed:
                landed, _ = wait(in_flight, timeout=LINGER_SECONDS)
            landings = [done.result() for done in landed]
            for done in landed:
                del in_flight[done]


def _turn(
    landings: Sequence[Landing], in_flight: Iterable[Flight], *, limit: int, deps: Dependencies
) -> Sequence[Flight]:
    """Record the attempts that were made, and claim as many deliveries as there are free threads, at once."""
    flying = list(in_flight)
    if not landings:
        with reading() as session:
            if not lanes.any_due(session):
                return ()
    with unit_of_work() as session:
        switched_off = attempts.record(session, landings, settings=deps.settings)
        flights = _take_off(session, flying, limit=limit, deps=deps)
    for subscription_id in switched_off:
        with unit_of_work() as session:
            lanes.clear(session, subscription_id)
    return flights


def _take_off(session: Session, flying: Sequence[Flight], *, limit: int, deps: Dependencies) -> Sequence[Flight]:
    """Claim what there are threads for. Receivers that fail tend to be slow about it: at most half are theirs."""
    lease = timedelta(seconds=deps.settings.webhook_timeout) + LEASE_SLACK
    free = limit - len(flying)
    free_for_failing = min(free, max(1, limit // 2) - sum(flight.is_failing for flight in flying))
    claims: list[Claim] = []
    if free_for_failing > 0:
        claims += lanes.claim(session, failing=True, limit=free_for_failing, lease=lease)
    if free > len(claims):
        claims += lanes.claim(session, failing=False, limit=free - len(claims), lease=lease)
    return _prepare(session, claims) if claims else ()


def _prepare(session: Session, claims: Sequence[Claim]) -> Sequence[Flight]:
    """Load what is to be sent; what belongs to a subscription that is switched off is dropped instead."""
    held_by_id = {held.row_id: held for held in claims}
    rows = session.execute(WHAT_TO_SEND, {"ids": list(held_by_id)}).all()
    if unwanted := [row.id for row in rows if not row.WebhookSubscription.active]:
        lanes.drop(session, unwanted)
    return [
        Flight(
            held=held_by_id[row.id],
            request_id=row.request_id,
            is_failing=row.WebhookSubscription.failing_since is not None,
            interruptions=held_by_id[row.id].attempts - 1 - row.failures,
            message=WebhookRequest(
                url=row.WebhookSubscription.url,
                event=row.event,
                delivery_id=row.id,
                body=row.body,
                secrets=webhooks.secrets_of(row.WebhookSubscription),
                sent_at=clock.utcnow(),
            ),
        )
        for row in rows
        if row.WebhookSubscription.active
    ]


def _send(flight: Flight, sender: WebhookSender) -> Landing:
    """Make one attempt; it runs in a thread of the pool, with no transaction open."""
    at = clock.utcnow()
    bind_contextvars(queue=QUEUE, signature_request_id=str(flight.request_id) if flight.request_id else None)
    try:
        is_deadly = flight.interruptions > MOST_INTERRUPTIONS
        answer = OUR_FAULT if is_deadly else sender.send(replace(flight.message, sent_at=at))
    except Exception:  # A fault with one delivery must not stop the others.
        log.exception("delivery not sent", delivery_id=str(flight.held.row_id))
        answer = OUR_FAULT
    return Landing(flight=flight, at=at, answer=answer)
