"""Lists of signature requests, filtered; fast whatever the filter, also among a million (contract section 3, list)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Select, bindparam, func, select, union_all

from app.domain.lifecycle import Status
from app.models import SignatureRequest
from app.prepared import Prepared
from app.services.paging import Page, page_of
from app.services.shown import OF_REQUEST, ShownRequest, gather, with_people
from app.services.unit_of_work import read_rows


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list is narrowed to. No status means any; both times are exclusive."""

    render_id: UUID | None = None
    statuses: Collection[Status] = frozenset()
    created_after: datetime | None = None
    created_before: datetime | None = None


def list_page(wanted: Filters, *, project_id: UUID, cursor: datetime | None, limit: int) -> Page[ShownRequest]:
    """Return one page of the project's requests, newest first."""
    before = min((moment for moment in (cursor, wanted.created_before) if moment is not None), default=None)
    statuses = sorted(wanted.statuses)
    shape = Shape(
        before=before is not None,
        after=wanted.created_after is not None,
        of_render=wanted.render_id is not None,
        statuses=len(statuses),
    )
    found = gather(
        read_rows(
            _statement(shape),
            {
                "project_id": project_id,
                "before": before,
                "after": wanted.created_after,
                "render_id": wanted.render_id,
                "limit": limit + 1,
                **{f"status_{number}": status for number, status in enumerate(statuses)},
            },
        )
    )
    return page_of(found, limit=limit)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Which filters there are: lists of one shape differ only in their parameters."""

    before: bool
    after: bool
    of_render: bool
    statuses: int


@cache
def _statement(shape: Shape) -> Prepared:
    """Return the statement of a shape, made once: making it takes longer than running it."""
    query = select(*OF_REQUEST).where(
        SignatureRequest.project_id == bindparam("project_id"), SignatureRequest.created_at.is_not(None)
    )
    if shape.before:
        query = query.where(SignatureRequest.created_at < bindparam("before"))
    if shape.after:
        query = query.where(SignatureRequest.created_at > bindparam("after"))
    statuses: list[BindParameter[Any]] = [bindparam(f"status_{number}") for number in range(shape.statuses)]
    if shape.of_render:
        # Few requests are of one render: its index finds them, whatever else is asked.
        query = query.where(SignatureRequest.render_id == bindparam("render_id"))
        if statuses:
            # Inside a function the column cannot tempt SQLite to the index by status, and to all rows of one.
            query = query.where(func.coalesce(SignatureRequest.status, "").in_(statuses))
    elif statuses:
        query = _newest_of_each(query, statuses)
    return Prepared(with_people(query.order_by(SignatureRequest.created_at.desc()).limit(bindparam("limit"))))


def _newest_of_each(query: Select[Any], statuses: Sequence[BindParameter[Any]]) -> Select[Any]:
    """Narrow to the newest rows of each status: what a page of all of them can hold.

    Each is the end of a range of the index by status. Asked for at once, the database would read the project's requests
    one by one until it has enough: all of them, when the wanted ones are rare.
    """
    newest = [
        query.with_only_columns(SignatureRequest.id)
        .where(SignatureRequest.status == status)
        .order_by(SignatureRequest.created_at.desc())
        .limit(bindparam("limit"))
        .subquery()
        for status in statuses
    ]
    ids = union_all(*(select(each.c.id) for each in newest))
    return select(*OF_REQUEST).where(SignatureRequest.id.in_(ids))
