"""The history of a request, for its project."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.models import HistoryEntry
from app.services import shown
from app.services.unit_of_work import reading


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """A part of a history, oldest first; `next_cursor` is the last entry's number, None on an empty page."""

    rows: Sequence[HistoryEntry]
    next_cursor: int | None
    has_more: bool


def list_page(request_id: UUID, *, project_id: UUID, after: int, limit: int) -> HistoryPage:
    """Return what happened after the entry of that number (0: from the start); raise NotFound.

    Entries are numbered without gaps and written under the request's lock, so whoever goes on from a cursor misses
    nothing.
    """
    query = (
        select(HistoryEntry)
        .where(HistoryEntry.request_id == request_id, HistoryEntry.sequence > after)
        .options(joinedload(HistoryEntry.recipient))
        .order_by(HistoryEntry.sequence)
        .limit(limit + 1)
    )
    shown.get(request_id, project_id=project_id)
    with reading() as session:
        rows = session.scalars(query).all()
    page = rows[:limit]
    return HistoryPage(rows=page, next_cursor=page[-1].sequence if page else None, has_more=len(rows) > limit)
