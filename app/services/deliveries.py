"""Deliveries of events: queued with what they report, listed, and sent again on demand (contract section 5)."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.orm import Session, selectinload, undefer

from app.domain import clock
from app.domain.errors import Conflict, NotFound
from app.domain.events import TEST_EVENT, Event
from app.extensions import UTCDateTime
from app.models import (
    DeliveryStatus,
    Recipient,
    SignatureRequest,
    WebhookDelivery,
    WebhookSubscription,
)
from app.models.columns import table_of
from app.services import delivery_order, events, leases, webhooks
from app.services.paging import Page, fetch_page, later_than
from app.services.shown import ClaimedRequest
from app.services.unit_of_work import reading, run, unit_of_work

DELIVERIES = table_of(WebhookDelivery)

#: Made once: making a statement takes longer than running it.
NEWEST = select(func.max(WebhookDelivery.created_at)).where(
    WebhookDelivery.subscription_id == bindparam("subscription_id")
)
FINISH_DELIVERED = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        status=DeliveryStatus.DELIVERED,
        finished_at=bindparam("now", type_=UTCDateTime),
        attempts_made=DELIVERIES.c.attempts_made + 1,
        due_at=None,
        lease_until=None,
        lease_token=None,
        attempts=0,
    )
)


def queue(  # noqa: PLR0913 (the facts of an event)
    session: Session,
    event: Event,
    request: SignatureRequest | ClaimedRequest,
    *,
    sequence: int,
    recipient: Recipient | None,
    reason: str | None,
) -> None:
    """Queue an event for everybody in the project who wants it, in the transaction of the event itself.

    The request is locked; `sequence` is the event's place in its history.
    """
    interested = [
        subscription
        for subscription in webhooks.lock_active(session, project_id=request.project_id)
        if event in subscription.events
    ]
    if not interested:
        return
    body = events.describe(event, request, recipient=recipient, reason=reason)
    for subscription in interested:
        delivery = _new(session, subscription.id, event=event, body=body)
        delivery.request_id = request.id
        delivery.sequence = sequence
    session.flush()  # The order is worked out from the rows.
    delivery_order.let_next_go(session, [request.id], at=clock.utcnow())


def queue_test(subscription_id: UUID, *, project_id: UUID) -> WebhookDelivery:
    """Queue a test delivery, whatever events the subscription is for; return it.

    Raises NotFound, or Conflict when the subscription is switched off.
    """
    with unit_of_work() as session:
        subscription = webhooks.lock(session, subscription_id, project_id=project_id)
        _require_active(subscription)
        delivery = _new(session, subscription.id, event=TEST_EVENT, body=events.describe_test())
        delivery.due_at = delivery.created_at
    return delivery


def list_page(
    subscription_id: UUID, *, project_id: UUID, status: DeliveryStatus | None, cursor: datetime | None, limit: int
) -> Page[WebhookDelivery]:
    """Return one page of a subscription's deliveries, newest first; raise NotFound when it is not the project's."""
    webhooks.get(subscription_id, project_id=project_id)
    query = select(WebhookDelivery).filter_by(subscription_id=subscription_id)
    if status is not None:
        query = query.filter_by(status=status)
    with reading() as session:
        return fetch_page(session, query, WebhookDelivery, cursor=cursor, limit=limit)


def get(delivery_id: UUID, *, subscription_id: UUID, project_id: UUID) -> WebhookDelivery:
    """Return a delivery with its body and its attempts, oldest first; raise NotFound."""
    webhooks.get(subscription_id, project_id=project_id)
    with reading() as session:
        everything = (undefer(WebhookDelivery.body), selectinload(WebhookDelivery.history))
        delivery = session.get(WebhookDelivery, delivery_id, options=everything)
    if delivery is None or delivery.subscription_id != subscription_id:
        raise _not_found()
    return delivery


def redeliver(delivery_id: UUID, *, subscription_id: UUID, project_id: UUID) -> WebhookDelivery:
    """Send a delivery again, with all its attempts before it; one that waits for its next attempt is due now.

    Raises NotFound, or Conflict when the subscription is switched off.
    """
    delivery = get(delivery_id, subscription_id=subscription_id, project_id=project_id)
    with unit_of_work() as session:
        locked = _lock(session, delivery.id, request_id=delivery.request_id)
        _require_active(session.get_one(WebhookSubscription, subscription_id))
        _queue_again(session, locked, due_at=clock.utcnow())
    return locked


def count_to_redeliver(*, since: datetime, status: DeliveryStatus) -> int:
    """Return how many deliveries of that status were queued since then, for subscriptions that are switched on."""
    with reading() as session:
        query = select(func.count()).select_from(WebhookDelivery).join(WebhookSubscription)
        return session.scalar(query.where(*_to_redeliver(since, status))) or 0


def redeliver_all(*, since: datetime, status: DeliveryStatus) -> int:
    """Send them all again, the oldest first and a thousand a second at most; return how many."""
    due_at = clock.utcnow()
    with reading() as session:
        query = select(WebhookDelivery).join(WebhookSubscription).where(*_to_redeliver(since, status))
        chosen = session.scalars(query.order_by(WebhookDelivery.created_at)).all()
    for delivery in chosen:
        with unit_of_work() as session:
            locked = _lock(session, delivery.id, request_id=delivery.request_id)
            if locked.status == status:
                due_at += clock.ONE_MILLISECOND
                _queue_again(session, locked, due_at=due_at)
    return len(chosen)


def finish(delivery: WebhookDelivery, status: DeliveryStatus) -> None:
    """Give a delivery its final status."""
    delivery.status = status
    delivery.finished_at = clock.utcnow()
    leases.release(delivery, after=None)


def finish_delivered(session: Session, delivery_ids: Collection[UUID]) -> None:
    """Count the attempt that reached the receiver, and finish its delivery: as `finish`, but many in one statement.

    What the session has loaded of them stays as it was; nobody is to change it afterwards.
    """
    run(session, FINISH_DELIVERED, {"ids": list(delivery_ids), "now": clock.utcnow()})


def _new(session: Session, subscription_id: UUID, *, event: str, body: bytes) -> WebhookDelivery:
    delivery = WebhookDelivery(
        subscription_id=subscription_id,
        sequence=0,
        event=event,
        body=body,
        status=DeliveryStatus.PENDING,
        created_at=later_than(session.scalar(NEWEST, {"subscription_id": subscription_id})),
    )
    session.add(delivery)
    return delivery


def _queue_again(session: Session, delivery: WebhookDelivery, *, due_at: datetime) -> None:
    if delivery.status == DeliveryStatus.PENDING:
        # What is being sent now, or waits for an earlier event, stays as it is.
        if delivery.due_at is not None and delivery.lease_token is None:
            delivery.due_at = due_at
        return
    leases.release(delivery, after=None)
    delivery.status = DeliveryStatus.PENDING
    delivery.finished_at = None
    delivery.failures = 0
    if delivery.request_id is None:
        delivery.due_at = due_at
    else:
        session.flush()  # The order is worked out from the rows.
        delivery_order.let_next_go(session, [delivery.request_id], at=due_at)


def _to_redeliver(since: datetime, status: DeliveryStatus) -> tuple[ColumnElement[bool], ...]:
    return (
        WebhookDelivery.status == status,
        WebhookDelivery.created_at >= since,
        WebhookSubscription.active.is_(True),
        WebhookSubscription.deleted_at.is_(None),
    )


def _lock(session: Session, delivery_id: UUID, *, request_id: UUID | None) -> WebhookDelivery:
    """Load a delivery for changing it; its request is locked before it, as everywhere."""
    if request_id is not None:
        delivery_order.lock_requests(session, [request_id])
    return session.get_one(WebhookDelivery, delivery_id, with_for_update=True, populate_existing=True)


def _require_active(subscription: WebhookSubscription) -> None:
    if not subscription.active:
        raise Conflict("This webhook is switched off. Switch it on first (PATCH with active true).")


def _not_found() -> NotFound:
    return NotFound("There is no such delivery of this webhook.")
