"""Purging: requests that ended long ago are deleted with all that belongs to them. Nothing of them is left.

But their idempotency keys: a key that created a request must never create a second one (contract section 3).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.lifecycle import Status
from app.models import HistoryEntry, IdempotencyKey, Project, ProviderEvent, Render, SignatureRequest, StoredFile
from app.services import discarding
from app.services.at_rest import at_rest
from app.services.unit_of_work import reading, unit_of_work

#: Requests that one transaction deletes: the API waits for it for some milliseconds at most.
BATCH = 50


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to purge: what reached one of these final statuses before that time, in one project or in all."""

    ended_before: datetime
    statuses: Collection[Status]
    project_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Share:
    """What of a selection has one project and one status. `size` is the bytes of signed PDFs and certificates."""

    project: str
    status: str
    count: int
    size: int
    first_ended: datetime
    last_ended: datetime


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a purge would delete; `render_size` is in bytes, and `busy` the requests it would leave for a later one."""

    shares: Sequence[Share]
    renders: int
    render_size: int
    busy: int


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What a purge has deleted."""

    requests: int = 0
    renders: int = 0
    files: int = 0

    def __add__(self, other: "Purged") -> "Purged":
        return Purged(
            requests=self.requests + other.requests,
            renders=self.renders + other.renders,
            files=self.files + other.files,
        )


def survey(selection: Selection) -> Survey:
    """Return what a purge of the selection would delete now, and change nothing."""
    with reading() as session:
        shares = session.execute(_shares(selection)).all()
        renders, render_size = session.execute(_renders_of(selection)).one()
        busy = session.scalar(select(func.count()).select_from(SignatureRequest).where(_ended(selection), ~at_rest()))
    return Survey(
        shares=[
            Share(project=name, status=status, count=count, size=size, first_ended=first, last_ended=last)
            for name, status, count, size, first, last in shares
        ],
        renders=renders,
        render_size=render_size,
        busy=busy or 0,
    )


def purge(selection: Selection, *, forget_envelopes: Callable[[Sequence[str]], None] = lambda _ids: None) -> Purged:
    """Delete the selection, some requests at a time, and give up their files. Interrupted, it can be run again.

    `forget_envelopes` is told the provider's ids of each batch before that is deleted: afterwards nobody knows them.
    """
    total = Purged()
    for project_id in _projects(selection):
        for status in selection.statuses:
            narrowed = Selection(ended_before=selection.ended_before, statuses=[status], project_id=project_id)
            total += _purge_range(narrowed, forget_envelopes)
    return total


def _purge_range(selection: Selection, forget_envelopes: Callable[[Sequence[str]], None]) -> Purged:
    """Purge the requests of one project and one status, in the order in which they were created."""
    total = Purged()
    query = (
        select(SignatureRequest.id, SignatureRequest.provider_id, SignatureRequest.created_at)
        .where(_ended(selection), at_rest())
        .order_by(SignatureRequest.created_at)
    )
    last: datetime | None = None
    while True:
        later = query if last is None else query.where(SignatureRequest.created_at > last)
        with reading() as session:
            batch = session.execute(later.limit(BATCH)).all()
        if not batch:
            return total
        last = batch[-1].created_at
        forget_envelopes([request.provider_id for request in batch if request.provider_id])
        with unit_of_work() as session:
            total += _delete(session, [request.id for request in batch], selection)


def _delete(session: Session, request_ids: Collection[UUID], selection: Selection) -> Purged:
    """Delete those of the requests that still are what was selected, with all that refers to them."""
    requests = session.execute(
        select(
            SignatureRequest.id,
            SignatureRequest.provider_id,
            SignatureRequest.render_id,
            SignatureRequest.signed_file_id,
            SignatureRequest.certificate_file_id,
        )
        .where(SignatureRequest.id.in_(request_ids), _ended(selection), at_rest())
        .order_by(SignatureRequest.id)
        .with_for_update(of=SignatureRequest)
    ).all()
    ids = [request.id for request in requests]
    envelopes = [request.provider_id for request in requests if request.provider_id]
    file_ids = [file_id for each in requests for file_id in (each.signed_file_id, each.certificate_file_id) if file_id]
    render_ids = {request.render_id for request in requests}
    session.execute(delete(ProviderEvent).where(ProviderEvent.provider_id.in_(envelopes)))
    # People, history and deliveries go with their request (ON DELETE CASCADE).
    session.execute(delete(SignatureRequest).where(SignatureRequest.id.in_(ids)))
    renders = _delete_renders(session, render_ids, created_before=selection.ended_before)
    _keep_keys(session, [*ids, *(render.id for render in renders)])
    file_ids += [render.file_id for render in renders if render.file_id]
    files = session.execute(
        delete(StoredFile).where(StoredFile.id.in_(file_ids)).returning(StoredFile.key, StoredFile.erased_at)
    ).all()
    discarding.give_up(session, [key for key, erased_at in files if erased_at is None])
    return Purged(requests=len(ids), renders=len(renders), files=sum(erased_at is None for _, erased_at in files))


def _delete_renders(
    session: Session, render_ids: Collection[UUID], *, created_before: datetime
) -> Sequence[Row[UUID, UUID | None]]:
    """Delete the renders that are old enough and that no request is of any more; return their ids and files' ids."""
    # Locked first: a create that has one in hand shows its request before it lets go, or comes too late.
    session.execute(select(Render.id).where(Render.id.in_(render_ids)).order_by(Render.id).with_for_update())
    return session.execute(
        delete(Render)
        .where(Render.id.in_(render_ids), Render.created_at < created_before, ~exists(_requests_of_render()))
        .returning(Render.id, Render.file_id)
    ).all()


def _keep_keys(session: Session, resource_ids: Collection[UUID]) -> None:
    """Note on the idempotency keys that what they created is gone."""
    session.execute(
        update(IdempotencyKey).where(IdempotencyKey.resource_id.in_(resource_ids)).values(purged_at=clock.utcnow())
    )


def _projects(selection: Selection) -> Sequence[UUID]:
    if selection.project_id is not None:
        return [selection.project_id]
    with reading() as session:
        return session.scalars(select(Project.id).order_by(Project.created_at)).all()


def _end() -> ColumnElement[bool]:
    """Return the condition of the one entry of a request's history with which it became what it is: over."""
    return and_(
        HistoryEntry.request_id == SignatureRequest.id,
        HistoryEntry.to_status == SignatureRequest.status,
        HistoryEntry.from_status != SignatureRequest.status,
    )


def _ended(selection: Selection) -> ColumnElement[bool]:
    """Return the condition that a request is in the selection, busy or not."""
    in_project = [] if selection.project_id is None else [SignatureRequest.project_id == selection.project_id]
    return and_(
        *in_project,
        SignatureRequest.status.in_(selection.statuses),
        # What ended before then was created before then: this is what the index knows.
        SignatureRequest.created_at < selection.ended_before,
        exists(
            select(HistoryEntry.id).where(_end(), HistoryEntry.at < selection.ended_before).correlate(SignatureRequest)
        ),
    )


def _shares(selection: Selection) -> Select[str, str, int, int, datetime, datetime]:
    size = (
        select(func.coalesce(func.sum(StoredFile.size), 0))
        .where(
            StoredFile.id.in_([SignatureRequest.signed_file_id, SignatureRequest.certificate_file_id]),
            StoredFile.erased_at.is_(None),
        )
        .correlate(SignatureRequest)
        .scalar_subquery()
    )
    return (
        select(
            Project.name,
            SignatureRequest.status,
            func.count(),
            func.sum(size),
            func.min(HistoryEntry.at),
            func.max(HistoryEntry.at),
        )
        .join(SignatureRequest, SignatureRequest.project_id == Project.id)
        .join(HistoryEntry, _end())
        .where(_ended(selection), at_rest())
        .group_by(Project.id, Project.name, SignatureRequest.status)
        .order_by(Project.name, SignatureRequest.status)
    )


def _renders_of(selection: Selection) -> Select[int, int]:
    """Return the query of how many renders, and how many bytes, only requests of the selection have."""
    is_selected = case((and_(_ended(selection), at_rest()), 1), else_=0)
    return (
        select(
            func.count(), func.coalesce(func.sum(case((StoredFile.erased_at.is_(None), StoredFile.size), else_=0)), 0)
        )
        .select_from(Render)
        .outerjoin(StoredFile)
        .where(
            Render.created_at < selection.ended_before,
            exists(_requests_of_render().where(is_selected == 1)),
            ~exists(_requests_of_render().where(is_selected == 0)),
        )
    )


def _requests_of_render() -> Select[UUID]:
    return select(SignatureRequest.id).where(SignatureRequest.render_id == Render.id).correlate(Render)
