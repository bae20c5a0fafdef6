"""The order of deliveries: a later event of a request waits for an earlier one, but not for long."""

from collections.abc import Collection
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.models import SignatureRequest, WebhookDelivery

#: After so many failed attempts an event does not hold back the later ones any more.
HOLDS_FOR_ATTEMPTS = 3

#: Made once: making a statement takes longer than running it.
LOCK = (
    select(SignatureRequest.id)
    .where(SignatureRequest.id.in_(bindparam("ids", expanding=True)))
    .order_by(SignatureRequest.id)
    .with_for_update()
)
STILL_OPEN = (
    select(WebhookDelivery)
    .where(WebhookDelivery.request_id.in_(bindparam("ids", expanding=True)), WebhookDelivery.finished_at.is_(None))
    .order_by(WebhookDelivery.subscription_id, WebhookDelivery.request_id, WebhookDelivery.sequence)
)


def lock_requests(session: Session, request_ids: Collection[UUID]) -> None:
    """Let nobody else queue or finish deliveries of these requests until the transaction ends.

    SQLite has one writer, so there the transaction itself sees to that.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(LOCK, {"ids": list(request_ids)})


def let_next_go(session: Session, request_ids: Collection[UUID], *, at: datetime) -> None:
    """Make due, for each subscription, what waits for no earlier event of these locked requests any more."""
    still_open = session.scalars(STILL_OPEN, {"ids": list(request_ids)})
    for _, in_order in groupby(still_open, lambda delivery: (delivery.subscription_id, delivery.request_id)):
        for delivery in in_order:
            if delivery.due_at is None:
                delivery.due_at = at
            if delivery.failures < HOLDS_FOR_ATTEMPTS:
                break
