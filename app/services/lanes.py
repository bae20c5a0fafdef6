"""Claiming deliveries: every subscription is a lane of its own, so that none waits for another's receiver.

Each lane shows a window, its few deliveries that have been due for the longest. What is in flight stays in the window,
so its size also is the number of attempts that one receiver has to bear at a time, and ten thousand waiting deliveries
cost a claim no more than ten.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CTE, func, literal, select, update
from sqlalchemy.orm import Session, aliased

from app.domain import clock
from app.extensions import UTCDateTime
from app.models import DeliveryStatus, WebhookDelivery, WebhookSubscription
from app.services import leases
from app.services.leases import Claim

#: Attempts at one receiver at a time; one that fails is asked more carefully.
WINDOW = 8
WINDOW_OF_FAILING = 2


def claim(session: Session, *, failing: bool, limit: int, lease: timedelta) -> Sequence[Claim]:
    """Claim up to `limit` due deliveries, from the subscriptions whose last attempt failed or from the others."""
    now = clock.utcnow()
    windows = _windows(now, size=WINDOW_OF_FAILING if failing else WINDOW)
    since = WebhookSubscription.failing_since
    due = (
        select(WebhookDelivery.id)
        .select_from(windows)
        .join(WebhookSubscription, WebhookSubscription.id == windows.c.subscription_id)
        .join(WebhookDelivery, WebhookDelivery.subscription_id == windows.c.subscription_id)
        .where(
            since.is_not(None) if failing else since.is_(None),
            WebhookDelivery.due_at <= windows.c.last_due_at,
            leases.is_free(WebhookDelivery, now),
        )
        .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
        .limit(limit)
    )
    return leases.take(session, WebhookDelivery, due, lease=lease)


def clear(session: Session, subscription_id: UUID) -> None:
    """Drop what waits for a subscription that is switched off or deleted.

    What another transaction or a worker is at is left out, so that nobody waits for anybody; the worker drops it.
    """
    now = clock.utcnow()
    waiting = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.subscription_id == subscription_id, WebhookDelivery.status == DeliveryStatus.PENDING)
        .where(leases.is_free(WebhookDelivery, now))
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(waiting.scalar_subquery()))
        .values(status=DeliveryStatus.DROPPED, finished_at=now, due_at=None, lease_until=None, lease_token=None),
        execution_options={"synchronize_session": False},
    )


def _windows(now: datetime, *, size: int) -> CTE:
    """Return for each lane where its window ends: when the last delivery in it became due.

    What is due in the same millisecond as the last is in the window too.
    """
    lanes = _lanes()
    in_lane = aliased(WebhookDelivery)
    last = (
        select(in_lane.due_at)
        .where(in_lane.subscription_id == lanes.c.subscription_id, in_lane.due_at <= now)
        .order_by(in_lane.due_at)
        .offset(size - 1)
        .limit(1)
        .scalar_subquery()
    )
    end = func.coalesce(last, literal(now, UTCDateTime)).label("last_due_at")
    # Materialised, else the end is looked up again for each delivery.
    return select(lanes.c.subscription_id, end).cte("windows").prefix_with("MATERIALIZED")


def _lanes() -> CTE:
    """Return the subscriptions that have anything waiting, found by skipping through the index.

    A plain DISTINCT would read every waiting delivery.
    """
    waiting = aliased(WebhookDelivery)
    first = (
        select(waiting.subscription_id).where(waiting.due_at.is_not(None)).order_by(waiting.subscription_id).limit(1)
    )
    lanes = select(first.scalar_subquery().label("subscription_id")).cte("lanes", recursive=True)
    after = first.where(waiting.subscription_id > lanes.c.subscription_id)
    following = select(after.correlate(lanes).scalar_subquery()).where(lanes.c.subscription_id.is_not(None))
    return lanes.union_all(following)
