"""Claiming deliveries: every subscription is a lane of its own, so that none waits for another's receiver.

Each lane shows a window, its few deliveries that have been due for the longest. What is in flight stays in the window,
so its size also is the number of attempts that one receiver has to bear at a time, and ten thousand waiting deliveries
cost a claim no more than ten. The statements are made once: making them takes longer than running them.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Executable, Integer, Select, Uuid, bindparam, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.domain import clock
from app.domain.ids import new_id
from app.extensions import UTCDateTime
from app.models import DeliveryStatus, WebhookDelivery, WebhookSubscription
from app.models.columns import table_of
from app.services import leases
from app.services.leases import Claim
from app.services.unit_of_work import run

#: Attempts at one receiver at a time; one that fails is asked more carefully.
WINDOW = 16
WINDOW_OF_FAILING = 2

NOW = bindparam("now", type_=UTCDateTime)
LIMIT = bindparam("limit", type_=Integer)


def any_due(session: Session) -> bool:
    """Look whether there is anything to claim."""
    parameters = {"now": clock.utcnow(), "limit": 1}
    return any(session.scalar(due, parameters) is not None for due in DUE.values())


def claim(session: Session, *, failing: bool, limit: int, lease: timedelta) -> Sequence[Claim]:
    """Claim up to `limit` due deliveries, from the subscriptions whose last attempt failed or from the others.

    An attempt is counted at the claim, so that a delivery that kills its worker cannot do so for ever unnoticed. What
    the session holds and has not written is not seen.
    """
    now = clock.utcnow()
    token = new_id()
    parameters = {"now": now, "limit": limit, "until": now + lease, "token": token}
    claimed = run(session, CLAIM[failing], parameters)
    return [Claim(row_id=row_id, token=token, attempts=attempts) for row_id, attempts in claimed]


def clear(session: Session, subscription_id: UUID) -> None:
    """Drop what waits for a subscription that was switched off or deleted, unless it is on again by now.

    What another transaction or a worker is at is left out, so that nobody waits for anybody; the worker drops it.
    """
    is_on = (
        select(WebhookSubscription.id)
        .where(WebhookSubscription.id == subscription_id, WebhookSubscription.active.is_(True))
        .exists()
    )
    waiting = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.subscription_id == subscription_id, WebhookDelivery.status == DeliveryStatus.PENDING)
        .where(~is_on)
        .where(leases.is_free(WebhookDelivery, clock.utcnow()))
        .with_for_update(skip_locked=True)
    )
    _drop(session, WebhookDelivery.id.in_(waiting.scalar_subquery()))


def drop(session: Session, delivery_ids: Collection[UUID]) -> None:
    """Drop deliveries that the caller has claimed."""
    _drop(session, WebhookDelivery.id.in_(delivery_ids))


def _drop(session: Session, condition: ColumnElement[bool]) -> None:
    gone = {"status": DeliveryStatus.DROPPED, "finished_at": clock.utcnow()}
    free = dict.fromkeys(("due_at", "lease_until", "lease_token"))
    session.execute(
        update(WebhookDelivery).where(condition).values(**gone, **free).execution_options(synchronize_session=False)
    )


def _windows(size: int) -> CTE:
    """Return for each lane where its window ends: when the last delivery in it became due.

    What is due in the same millisecond as the last is in the window too.
    """
    lanes = _lanes()
    in_lane = aliased(WebhookDelivery)
    last = (
        select(in_lane.due_at)
        .where(in_lane.subscription_id == lanes.c.subscription_id, in_lane.due_at <= NOW)
        .order_by(in_lane.due_at)
        .offset(size - 1)
        .limit(1)
        .scalar_subquery()
    )
    end = func.coalesce(last, NOW).label("last_due_at")
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


def _due(*, failing: bool) -> Select[UUID]:
    windows = _windows(WINDOW_OF_FAILING if failing else WINDOW)
    since = WebhookSubscription.failing_since
    return (
        select(WebhookDelivery.id)
        .select_from(windows)
        .join(WebhookSubscription, WebhookSubscription.id == windows.c.subscription_id)
        .join(WebhookDelivery, WebhookDelivery.subscription_id == windows.c.subscription_id)
        .where(
            since.is_not(None) if failing else since.is_(None),
            WebhookDelivery.due_at <= windows.c.last_due_at,
            or_(WebhookDelivery.lease_until.is_(None), WebhookDelivery.lease_until <= NOW),
        )
        .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
        .limit(LIMIT)
    )


def _claim(due: Select[UUID]) -> Executable:
    deliveries = table_of(WebhookDelivery)
    # PostgreSQL skips what another worker is claiming; SQLite has one writer anyway and ignores this.
    due = due.with_for_update(of=WebhookDelivery, skip_locked=True)
    return (
        update(deliveries)
        .where(deliveries.c.id.in_(due.scalar_subquery()))
        .values(
            lease_until=bindparam("until", type_=UTCDateTime),
            lease_token=bindparam("token", type_=Uuid),
            attempts=deliveries.c.attempts + 1,
        )
        .returning(deliveries.c.id, deliveries.c.attempts)
    )


#: By whether the last attempt at the subscription failed.
DUE = {failing: _due(failing=failing) for failing in (False, True)}
CLAIM = {failing: _claim(due) for failing, due in DUE.items()}
