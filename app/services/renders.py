"""Renders: taking PDFs in, and giving them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from app.domain import clock
from app.domain.errors import Conflict, DocumentTooLarge, IdempotencyKeyReused, InvalidRequest, NotFound, UnreadablePdf
from app.domain.ids import new_id
from app.domain.ports import PageSize, PdfReport, SavedFile
from app.models import Render, RenderStatus, StoredFile
from app.prepared import Prepared
from app.services import idempotency, stored_files
from app.services.dependencies import Dependencies
from app.services.paging import Page, fetch_page, stamp_created_at
from app.services.unit_of_work import read_row, reading, unit_of_work

LARGEST_RENDER = 50 * 1024 * 1024
KIND = "render"

#: Made once: making a statement takes longer than running it.
BY_ID = select(Render).where(Render.id == bindparam("id"), Render.project_id == bindparam("project_id"))
READY_BY_ID = Prepared(
    select(Render.status, Render.pages, StoredFile.key, StoredFile.size, StoredFile.erased_at)
    .outerjoin(StoredFile, StoredFile.id == Render.file_id)
    .where(Render.id == bindparam("id"), Render.project_id == bindparam("project_id"))
)


@dataclass(frozen=True, kw_only=True)
class ReadyRender:
    """A render whose PDF is here: what sending it out takes."""

    #: Of the PDF in storage, in bytes.
    key: str
    size: int
    #: Displayed page sizes in points.
    pages: tuple[PageSize, ...]


def upload(content: bytes, *, project_id: UUID, idempotency_key: str | None, deps: Dependencies) -> tuple[Render, bool]:
    """Take a PDF in and return its render, and whether it is a replay of an earlier upload.

    Raises DocumentTooLarge, StorageUnavailable, or InvalidRequest saying what is wrong with the PDF.
    """
    body = idempotency.fingerprint({"pdf": stored_files.sha256(content)})
    if replay := _replay(project_id=project_id, key=idempotency_key, fingerprint=body):
        return replay, True
    report = _inspect(content, deps=deps)
    render_id = new_id()
    saved = stored_files.save(deps.storage, folder=f"renders/{render_id}", content=content)
    fields = {"status": RenderStatus.SUCCEEDED, "pages": _pages(report)}
    try:
        render, replayed = _insert(
            render_id, fields, saved=saved, project_id=project_id, key=idempotency_key, fingerprint=body
        )
    except (IdempotencyKeyReused, Conflict):
        stored_files.remove(deps.storage, saved)
        raise
    if replayed:
        stored_files.remove(deps.storage, saved)
    return render, replayed


def reserve(*, project_id: UUID, idempotency_key: str | None) -> tuple[Render, bool]:
    """Reserve the id of a render whose PDF comes later; return it, and whether it is a replay."""
    body = idempotency.fingerprint({})
    if replay := _replay(project_id=project_id, key=idempotency_key, fingerprint=body):
        return replay, True
    fields = {"status": RenderStatus.QUEUED}
    return _insert(new_id(), fields, saved=None, project_id=project_id, key=idempotency_key, fingerprint=body)


def put_pdf(render_id: UUID, content: bytes, *, project_id: UUID, deps: Dependencies) -> Render:
    """Give a reserved render its PDF; a refused one leaves it as it was.

    Raises NotFound, Conflict when it has its outcome already, DocumentTooLarge, InvalidRequest and StorageUnavailable.
    """
    _require_pending(get(render_id, project_id=project_id))
    report = _inspect(content, deps=deps)
    saved = stored_files.save(deps.storage, folder=f"renders/{render_id}", content=content)
    with unit_of_work() as session:
        render = _lock(session, render_id)
        if is_first := _is_pending(render):
            render.status = RenderStatus.SUCCEEDED
            render.pages = _pages(report)
            render.file = stored_files.record(session, saved)
            render.completed_at = _after(render)
    if not is_first:
        if render.file is None or render.file.key != saved.key:
            stored_files.remove(deps.storage, saved)
        raise _has_its_outcome(render)
    return render


def fail(render_id: UUID, *, error_message: str, project_id: UUID) -> Render:
    """Record that a reserved render will never get its PDF; raise NotFound, or Conflict when it has its outcome."""
    get(render_id, project_id=project_id)
    with unit_of_work() as session:
        render = _lock(session, render_id)
        _require_pending(render)
        render.status = RenderStatus.FAILED
        render.error_message = error_message
        render.completed_at = _after(render)
    return render


def get(render_id: UUID, *, project_id: UUID) -> Render:
    """Return the project's render; raise NotFound when there is none."""
    with reading() as session:
        render = session.scalar(BY_ID, {"id": render_id, "project_id": project_id})
    if render is None:
        raise _not_found()
    return render


def get_ready(render_id: UUID, *, project_id: UUID) -> ReadyRender:
    """Return the project's render for sending it out; raise NotFound, or Conflict when its PDF is not here."""
    row = read_row(READY_BY_ID, {"id": render_id, "project_id": project_id})
    if row is None:
        raise _not_found()
    if row.status != RenderStatus.SUCCEEDED or row.key is None:
        raise Conflict(f"The render is not ready for signing (status: {row.status}).")
    if row.erased_at is not None:
        raise _erased()
    pages = tuple(PageSize(width=width, height=height) for width, height in row.pages or ())
    return ReadyRender(key=row.key, size=row.size, pages=pages)


def pdf_file(render_id: UUID, *, project_id: UUID) -> StoredFile:
    """Return the PDF of the project's render; raise NotFound, or Conflict when it is not here."""
    render = get(render_id, project_id=project_id)
    if render.status != RenderStatus.SUCCEEDED or render.file is None:
        raise Conflict(f"The PDF of this render is not available (status: {render.status}).")
    if render.file.erased_at is not None:
        raise _erased()
    return render.file


def list_page(*, project_id: UUID, cursor: datetime | None, limit: int) -> Page[Render]:
    """Return one page of the project's renders, newest first."""
    with reading() as session:
        return fetch_page(session, select(Render).filter_by(project_id=project_id), Render, cursor=cursor, limit=limit)


def too_large() -> DocumentTooLarge:
    """Return the error for a PDF over the limit."""
    return DocumentTooLarge(f"A render's PDF has at most {LARGEST_RENDER // 1024**2} MiB.")


def _replay(*, project_id: UUID, key: str | None, fingerprint: str) -> Render | None:
    if key is None:
        return None
    render_id = idempotency.find(project_id=project_id, kind=KIND, key=key, body_fingerprints=(fingerprint,))
    if render_id is None:
        return None
    with reading() as session:
        return session.get(Render, render_id)


def _insert(  # noqa: PLR0913 (two callers, one transaction)
    render_id: UUID,
    fields: Mapping[str, Any],
    *,
    saved: SavedFile | None,
    project_id: UUID,
    key: str | None,
    fingerprint: str,
) -> tuple[Render, bool]:
    try:
        with unit_of_work() as session:
            if key is not None:
                idempotency.claim(
                    session,
                    project_id=project_id,
                    kind=KIND,
                    key=key,
                    body_fingerprint=fingerprint,
                    resource_id=render_id,
                )
            now = stamp_created_at(session, Render, project_id)
            file = stored_files.record(session, saved) if saved else None
            completed_at = now if saved else None
            render = Render(
                id=render_id, project_id=project_id, created_at=now, completed_at=completed_at, file=file, **fields
            )
            session.add(render)
    except IntegrityError:
        replay = _replay(project_id=project_id, key=key, fingerprint=fingerprint)
        if replay is None:
            raise
        return replay, True
    return render, False


def _inspect(content: bytes, *, deps: Dependencies) -> PdfReport:
    if len(content) > LARGEST_RENDER:
        raise too_large()
    try:
        return deps.inspector.inspect(content)
    except UnreadablePdf as error:
        raise InvalidRequest(error.message, form_errors=[error.message]) from error


def _pages(report: PdfReport) -> list[list[float]]:
    return [[page.width, page.height] for page in report.pages]


def _lock(session: Session, render_id: UUID) -> Render:
    # The file in a statement of its own: joined to the lock, PostgreSQL would look for it in the state before the wait.
    return session.get_one(
        Render, render_id, options=[selectinload(Render.file)], with_for_update=True, populate_existing=True
    )


def _after(render: Render) -> datetime:
    """Return the present time, or the render's creation when that was put a little ahead to be unique."""
    return max(clock.utcnow(), render.created_at)


def _is_pending(render: Render) -> bool:
    return render.status in {RenderStatus.QUEUED, RenderStatus.RENDERING}


def _require_pending(render: Render) -> None:
    if not _is_pending(render):
        raise _has_its_outcome(render)


def _has_its_outcome(render: Render) -> Conflict:
    return Conflict(f"This render has its outcome already (status: {render.status}).")


def _not_found() -> NotFound:
    return NotFound("There is no such render in this project.")


def _erased() -> Conflict:
    return Conflict("The PDF of this render was erased.")
