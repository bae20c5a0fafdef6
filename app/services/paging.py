"""Lists, newest first, by a cursor that skips and repeats nothing (contract section 3, list)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from app.domain import clock
from app.models import Project, Render, SignatureRequest, WebhookDelivery, WebhookSubscription
from app.prepared import Prepared
from app.services.shown import ShownRequest
from app.services.unit_of_work import run, run_prepared

Item = TypeVar("Item", Render, ShownRequest, WebhookDelivery, WebhookSubscription)
ListedRow = TypeVar("ListedRow", Render, WebhookDelivery, WebhookSubscription)
OwnedRow = TypeVar("OwnedRow", Render, SignatureRequest, WebhookSubscription)

#: Made once: making a statement takes longer than running it. A weaker lock than FOR UPDATE, which would also keep out
#: every check that a foreign key to the project holds.
LOCK_PROJECT = select(Project.id).where(Project.id == bindparam("id")).with_for_update(key_share=True)
NEWEST_IN_PROJECT = {
    model: Prepared(select(func.max(model.created_at)).where(model.project_id == bindparam("project_id")))
    for model in (Render, SignatureRequest, WebhookSubscription)
}


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """One page; `next_cursor` is the last row's creation time, None on an empty page."""

    rows: Sequence[Item]
    next_cursor: datetime | None
    has_more: bool


def stamp_created_at(session: Session, model: type[OwnedRow], project_id: UUID) -> datetime:
    """Return a creation time later than every visible one of the project, unique to the millisecond.

    The project's row is locked until the transaction ends, so rows become visible in the order of their times and
    none ever appears behind a cursor that was already passed.
    """
    if session.get_bind().dialect.name != "sqlite":  # Which has one writer anyway.
        run(session, LOCK_PROJECT, {"id": project_id})
    ((newest,),) = run_prepared(session, NEWEST_IN_PROJECT[model], {"project_id": project_id})
    return later_than(newest)


def later_than(newest: datetime | None) -> datetime:
    """Return the present time, or the next millisecond; the caller holds a lock that all who make such rows take."""
    now = clock.utcnow()
    return now if newest is None or newest < now else newest + clock.ONE_MILLISECOND


def fetch_page(
    session: Session, query: Select[ListedRow], model: type[ListedRow], *, cursor: datetime | None, limit: int
) -> Page[ListedRow]:
    """Run the query for the rows created strictly before the cursor."""
    if cursor is not None:
        query = query.where(model.created_at < cursor)
    return page_of(
        session.scalars(query.order_by(model.created_at.desc()).limit(limit + 1)).unique().all(), limit=limit
    )


def page_of(rows: Sequence[Item], *, limit: int) -> Page[Item]:
    """Make a page of rows, newest first, of which there is one more than the limit if there are more."""
    page = rows[:limit]
    return Page(rows=page, next_cursor=page[-1].created_at if page else None, has_more=len(rows) > limit)
