"""Lists of signature requests, filtered; fast whatever the filter, also among a million (contract section 3, list)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.orm import joinedload, load_only

from app.domain.lifecycle import Status
from app.models import SignatureRequest
from app.services.paging import Page, fetch_page
from app.services.unit_of_work import reading

#: A list loads what it shows, and everybody's people with it: a request has three times as many columns.
SHOWN = (
    load_only(
        SignatureRequest.render_id,
        SignatureRequest.name,
        SignatureRequest.status,
        SignatureRequest.expiration_hours,
        SignatureRequest.error_message,
        SignatureRequest.created_at,
        SignatureRequest.completed_at,
        SignatureRequest.signed_file_id,
        SignatureRequest.certificate_file_id,
        SignatureRequest.erased_at,
        raiseload=True,
    ),
    joinedload(SignatureRequest.recipients),
)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list is narrowed to. No status means any; both times are exclusive."""

    render_id: UUID | None = None
    statuses: Collection[Status] = frozenset()
    created_after: datetime | None = None
    created_before: datetime | None = None


def visible(project_id: UUID) -> Select[SignatureRequest]:
    """Return the query of what a project sees: its requests, but for those whose create is still in doubt."""
    return select(SignatureRequest).where(
        SignatureRequest.project_id == project_id, SignatureRequest.created_at.is_not(None)
    )


def list_page(wanted: Filters, *, project_id: UUID, cursor: datetime | None, limit: int) -> Page[SignatureRequest]:
    """Return one page of the project's requests, newest first."""
    before = min((moment for moment in (cursor, wanted.created_before) if moment is not None), default=None)
    query = visible(project_id)
    if wanted.created_after is not None:
        query = query.where(SignatureRequest.created_at > wanted.created_after)
    if wanted.render_id is not None:
        # Few requests are of one render: its index finds them, whatever else is asked.
        query = query.filter_by(render_id=wanted.render_id)
        if wanted.statuses:
            # Inside a function the column cannot tempt SQLite to the index by status, and to all rows of one.
            query = query.where(func.coalesce(SignatureRequest.status, "").in_(wanted.statuses))
    elif wanted.statuses:
        query = _newest_of_each(query, wanted.statuses, before=before, limit=limit + 1)
    with reading() as session:
        return fetch_page(session, query.options(*SHOWN), SignatureRequest, cursor=before, limit=limit)


def _newest_of_each(
    query: Select[SignatureRequest], statuses: Collection[Status], *, before: datetime | None, limit: int
) -> Select[SignatureRequest]:
    """Narrow to the newest rows of each status: what a page of all of them can hold.

    Each is the end of a range of the index by status. Asked for at once, the database would read the project's requests
    one by one until it has enough: all of them, when the wanted ones are rare.
    """
    if before is not None:
        query = query.where(SignatureRequest.created_at < before)
    newest = [
        query.with_only_columns(SignatureRequest.id)
        .filter_by(status=status)
        .order_by(SignatureRequest.created_at.desc())
        .limit(limit)
        .subquery()
        for status in statuses
    ]
    ids = union_all(*(select(each.c.id) for each in newest))
    return select(SignatureRequest).where(SignatureRequest.id.in_(ids))
