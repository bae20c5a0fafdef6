"""Webhook subscriptions of a project: create, list, get, change, delete, rotate (contract section 5)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, Select, bindparam, func, select
from sqlalchemy.orm import Session, joinedload

from app.domain import clock
from app.domain.errors import ForbiddenAddress, InvalidRequest, NotFound
from app.domain.ports import AddressGuard
from app.domain.webhook_secrets import new_secret
from app.models import SwitchOffReason, WebhookSubscription
from app.services import lanes
from app.services.dependencies import Dependencies
from app.services.paging import Page, fetch_page, stamp_created_at
from app.services.unit_of_work import reading, run, unit_of_work

log = structlog.get_logger(__name__)

MOST_PER_PROJECT = 50

#: Who is told of a project's events. Made once: making a statement takes longer than running it.
ACTIVE = (
    select(WebhookSubscription.id, WebhookSubscription.events)
    .where(
        WebhookSubscription.project_id == bindparam("project_id"),
        WebhookSubscription.deleted_at.is_(None),
        WebhookSubscription.active.is_(True),
    )
    .order_by(WebhookSubscription.id)
    .with_for_update(key_share=True)
)

#: How long the old secret signs beside the new one.
ROTATION = timedelta(hours=24)


def create(  # noqa: PLR0913 (the members of the body)
    *,
    project_id: UUID,
    url: str,
    events: Sequence[str],
    active: bool = True,
    description: str | None = None,
    deps: Dependencies,
) -> WebhookSubscription:
    """Subscribe an address to events; return the subscription with its secret.

    Raises InvalidRequest for an address that no webhook may be sent to, and for one subscription too many.
    """
    _check_address(url, deps.webhook_addresses)
    with unit_of_work() as session:
        created_at = stamp_created_at(session, WebhookSubscription, project_id)
        _require_room(session, project_id)
        subscription = WebhookSubscription(
            project_id=project_id,
            url=url,
            events=list(events),
            active=active,
            description=description,
            secret=new_secret(),
            created_at=created_at,
        )
        session.add(subscription)
    return subscription


def list_page(*, project_id: UUID, cursor: datetime | None, limit: int) -> Page[WebhookSubscription]:
    """Return one page of the project's subscriptions, newest first."""
    with reading() as session:
        return fetch_page(session, _kept(project_id), WebhookSubscription, cursor=cursor, limit=limit)


def list_all() -> Sequence[WebhookSubscription]:
    """Return every subscription of every project, with the project, oldest first."""
    with reading() as session:
        return session.scalars(
            select(WebhookSubscription)
            .where(WebhookSubscription.deleted_at.is_(None))
            .options(joinedload(WebhookSubscription.project))
            .order_by(WebhookSubscription.created_at, WebhookSubscription.id)
        ).all()


def count_switched_off() -> int:
    """Return how many subscriptions we, and not their projects, switched off."""
    switched_off = (WebhookSubscription.disabled_at.is_not(None), WebhookSubscription.deleted_at.is_(None))
    with reading() as session:
        return session.scalar(select(func.count()).select_from(WebhookSubscription).where(*switched_off)) or 0


def owner(subscription_id: UUID) -> UUID:
    """Return the project that a subscription belongs to; raise NotFound."""
    with reading() as session:
        subscription = session.get(WebhookSubscription, subscription_id)
    if subscription is None or subscription.deleted_at is not None:
        raise NotFound(f"There is no webhook {subscription_id}.")
    return subscription.project_id


def get(subscription_id: UUID, *, project_id: UUID) -> WebhookSubscription:
    """Return the project's subscription; raise NotFound when there is none."""
    with reading() as session:
        return _require(session.scalar(_kept(project_id).filter_by(id=subscription_id)))


def change(
    subscription_id: UUID, changes: Mapping[str, Any], *, project_id: UUID, deps: Dependencies
) -> WebhookSubscription:
    """Change what is given of url, events, active and description; return the subscription.

    Switching on again forgets why it was switched off. Raises NotFound, or InvalidRequest for a forbidden address.
    """
    get(subscription_id, project_id=project_id)
    if "url" in changes:
        _check_address(changes["url"], deps.webhook_addresses)
    with unit_of_work() as session:
        subscription = lock(session, subscription_id, project_id=project_id)
        for name in changes:
            setattr(subscription, name, changes[name])
        if changes.get("active"):
            subscription.disabled_at = subscription.disabled_reason = subscription.failing_since = None
    if not subscription.active:
        _clear(subscription_id)
    return subscription


def delete(subscription_id: UUID, *, project_id: UUID) -> None:
    """Delete the subscription; nothing more is sent. Raises NotFound."""
    with unit_of_work() as session:
        subscription = lock(session, subscription_id, project_id=project_id)
        subscription.active = False
        subscription.deleted_at = clock.utcnow()
    _clear(subscription_id)


def rotate_secret(subscription_id: UUID, *, project_id: UUID) -> WebhookSubscription:
    """Give the subscription a new secret; the old one signs as well for a day. Raises NotFound."""
    with unit_of_work() as session:
        subscription = lock(session, subscription_id, project_id=project_id)
        subscription.previous_secret = subscription.secret
        subscription.previous_secret_until = clock.utcnow() + ROTATION
        subscription.secret = new_secret()
    return subscription


def lock(session: Session, subscription_id: UUID, *, project_id: UUID) -> WebhookSubscription:
    """Load the subscription for changing it, or for queueing a delivery; raise NotFound."""
    return _require(session.scalar(_kept(project_id).filter_by(id=subscription_id).with_for_update(key_share=True)))


def lock_active(session: Session, *, project_id: UUID) -> Sequence[Row[UUID, list[str]]]:
    """Return the id and the events of each of the project's subscriptions that is switched on.

    Until the transaction ends none is switched off, and nobody else queues deliveries for them. They can be referred
    to all the same: the worker's changes of deliveries, which PostgreSQL checks against them, must not wait.
    """
    return run(session, ACTIVE, {"project_id": project_id}).all()


def switch_off(subscription: WebhookSubscription, reason: SwitchOffReason) -> None:
    """Switch a subscription off of our own accord; one that is off already stays as it is."""
    if subscription.active:
        subscription.active = False
        subscription.disabled_at = clock.utcnow()
        subscription.disabled_reason = reason
        log.warning("webhook switched off", webhook_id=str(subscription.id), reason=reason)


def secrets_of(subscription: WebhookSubscription) -> tuple[str, ...]:
    """Return the secrets that sign now, the newest first."""
    until = subscription.previous_secret_until
    if subscription.previous_secret is None or until is None or until <= clock.utcnow():
        return (subscription.secret,)
    return (subscription.secret, subscription.previous_secret)


def _clear(subscription_id: UUID) -> None:
    """Drop what waits; in a transaction of its own, because it must hold no lock that others wait for."""
    with unit_of_work() as session:
        lanes.clear(session, subscription_id)


def _kept(project_id: UUID) -> Select[WebhookSubscription]:
    return select(WebhookSubscription).where(
        WebhookSubscription.project_id == project_id, WebhookSubscription.deleted_at.is_(None)
    )


def _require(subscription: WebhookSubscription | None) -> WebhookSubscription:
    if subscription is None:
        raise NotFound("There is no such webhook in this project.")
    return subscription


def _check_address(url: str, addresses: AddressGuard) -> None:
    try:
        addresses.check(url)
    except ForbiddenAddress as error:
        raise InvalidRequest(error.message, field_errors={"url": [error.message]}) from error


def _require_room(session: Session, project_id: UUID) -> None:
    count = session.scalar(select(func.count()).select_from(_kept(project_id).subquery()))
    if count is not None and count >= MOST_PER_PROJECT:
        message = f"A project has at most {MOST_PER_PROJECT} webhooks."
        raise InvalidRequest(message, form_errors=[message])
