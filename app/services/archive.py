"""The archive: signed documents and certificates, fetched from the provider into our own storage.

`completed` is told once the files are ours, or when the deadline has passed without them (contract section 5).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy import and_, or_
from sqlalchemy.orm import Session, joinedload
from structlog.contextvars import bind_contextvars

from app.domain import backoff, clock
from app.domain.errors import (
    Conflict,
    FileNotOffered,
    FileNotReady,
    NotFound,
    ProviderError,
    StorageUnavailable,
    UnreadablePdf,
    UpstreamError,
)
from app.domain.history import Cause
from app.domain.lifecycle import OPEN, Action, Status
from app.domain.ports import SavedFile, SigningProvider
from app.models import SignatureRequest, StoredFile
from app.services import discarding, leases, stored_files, transitions
from app.services.dependencies import Dependencies
from app.services.leases import Claim
from app.services.unit_of_work import reading, unit_of_work

log = structlog.get_logger(__name__)

#: Two downloads of at most 100 MiB each.
LEASE = timedelta(minutes=10)

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(hours=1)

#: The two kinds of files, as folders of a request's own.
SIGNED = "signed"
CERTIFICATE = "certificate"

AWAITS_ARCHIVE = or_(
    and_(SignatureRequest.status.in_(OPEN), SignatureRequest.finished_at.is_not(None)),
    and_(
        SignatureRequest.status == Status.COMPLETED,
        or_(SignatureRequest.signed_file_id.is_(None), SignatureRequest.certificate_file_id.is_(None)),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What became of one file: saved, or never to be had (final without a file), or to be asked for again."""

    saved: SavedFile | None = None
    is_final: bool = True
    #: Seconds, if the provider said when to ask again.
    retry_after: int | None = None


def run_once(*, limit: int, deps: Dependencies) -> int:
    """Archive what is finished and due; return how many requests were attended to."""
    if deps.signing is None:
        return 0
    claims = leases.claim_due(SignatureRequest, AWAITS_ARCHIVE, limit=limit, lease=LEASE)
    leases.attend_each(claims, partial(_attend, signing=deps.signing, deps=deps))
    return len(claims)


def signed_document(request_id: UUID, *, project_id: UUID) -> StoredFile:
    """Return the signed PDF of the project's request; raise NotFound, or Conflict before it is archived."""
    request = _load(request_id, project_id=project_id)
    _require_kept(request)
    if request.signed_file is None:
        raise Conflict(f"Signed document is not available yet (status: {request.status}).")
    return request.signed_file


def certificate(request_id: UUID, *, project_id: UUID, deps: Dependencies) -> StoredFile:
    """Return the certificate of completion, fetched now if the request completed without it.

    Raises NotFound, Conflict before completion, UpstreamError when it cannot be fetched, StorageUnavailable.
    """
    request = _load(request_id, project_id=project_id)
    _require_kept(request)
    if request.certificate_file is not None:
        return request.certificate_file
    if request.status != Status.COMPLETED:
        raise Conflict(f"Completion certificate is not available yet (status: {request.status}).")
    if deps.signing is None or request.provider_id is None:
        raise UpstreamError("The certificate cannot be fetched: no signing service is configured on this server.")
    fetched = _fetch(CERTIFICATE, deps.signing.download_certificate, request, deps=deps)
    if fetched.saved is None:
        raise UpstreamError("The certificate could not be fetched from the signing service.")
    with unit_of_work() as session:
        locked = _lock_unless_gone(session, request_id, fetched)
        if locked is not None and locked.certificate_file_id is None:
            locked.certificate_file = stored_files.record(session, fetched.saved)
    return _require_certificate(_load(request_id, project_id=project_id))


def _require_kept(request: SignatureRequest) -> None:
    if request.erased_at is not None:
        raise Conflict("The files of this signature request were erased.")


def _lock_unless_gone(session: Session, request_id: UUID, *fetched: Fetched) -> SignatureRequest | None:
    """Lock the request; None when it was purged or erased while its files were fetched, which then go as well."""
    request = session.get(
        SignatureRequest, request_id, with_for_update={"of": SignatureRequest}, populate_existing=True
    )
    if request is not None and request.erased_at is None:
        return request
    discarding.give_up(session, [each.saved.key for each in fetched if each.saved])
    return None


def _require_certificate(request: SignatureRequest) -> StoredFile:
    _require_kept(request)
    if request.certificate_file is None:
        raise UpstreamError("The certificate could not be stored.")
    return request.certificate_file


def _load(request_id: UUID, *, project_id: UUID) -> SignatureRequest:
    files = (joinedload(SignatureRequest.signed_file), joinedload(SignatureRequest.certificate_file))
    with reading() as session:
        request = session.get(SignatureRequest, request_id, options=files)
    if request is None or request.project_id != project_id or request.created_at is None:
        raise NotFound("There is no such signature request in this project.")
    return request


def _attend(held: Claim, *, signing: SigningProvider, deps: Dependencies) -> None:
    bind_contextvars(signature_request_id=str(held.row_id))
    with reading() as session:
        request = session.get_one(SignatureRequest, held.row_id)
    signed = certificate = Fetched()
    if request.signed_file_id is None:
        signed = _fetch_later_if_full(SIGNED, signing.download_signed_document, request, deps=deps)
    if request.certificate_file_id is None:
        certificate = _fetch_later_if_full(CERTIFICATE, signing.download_certificate, request, deps=deps)
    _conclude(held, signed=signed, certificate=certificate, deps=deps)


def _conclude(held: Claim, *, signed: Fetched, certificate: Fetched, deps: Dependencies) -> None:
    everything_is_here = signed.is_final and certificate.is_final
    with unit_of_work() as session:
        request = _lock_unless_gone(session, held.row_id, signed, certificate)
        if request is None or not leases.holds(request, held):
            return
        is_late = _deadline_has_passed(request, deps)
        if everything_is_here or is_late:
            # One transaction: whoever reads `completed` can download.
            if signed.saved and request.signed_file_id is None:
                request.signed_file = stored_files.record(session, signed.saved)
            if certificate.saved and request.certificate_file_id is None:
                request.certificate_file = stored_files.record(session, certificate.saved)
            if request.status != Status.COMPLETED:
                transitions.apply(session, request, Action.COMPLETE, cause=Cause.ARCHIVE)
                request.completed_at = request.finished_at
        wait = backoff.exponential(held.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
        asked = timedelta(seconds=max(signed.retry_after or 0, certificate.retry_after or 0))
        leases.release(request, after=None if everything_is_here else max(wait, asked))


def _fetch_later_if_full(
    kind: str, download: Callable[[str], bytes], request: SignatureRequest, *, deps: Dependencies
) -> Fetched:
    try:
        return _fetch(kind, download, request, deps=deps)
    except StorageUnavailable:
        log.exception("file not stored", signature_request_id=str(request.id))
        return Fetched(is_final=False)


def _fetch(kind: str, download: Callable[[str], bytes], request: SignatureRequest, *, deps: Dependencies) -> Fetched:
    """Fetch one file, check that it is a PDF that opens, and store it; raise StorageUnavailable."""
    identity = {"signature_request_id": str(request.id), "provider_id": request.provider_id}
    try:
        content = download(request.envelope_id)
        deps.inspector.count_pages(content)
    except FileNotReady as error:
        return Fetched(is_final=False, retry_after=error.retry_after)
    except FileNotOffered:
        return Fetched(is_final=True)
    except ProviderError as error:
        log.warning("file not fetched", **identity, operation=error.operation, status=error.status)
        return Fetched(is_final=False, retry_after=error.retry_after)
    except UnreadablePdf:
        log.warning("file from the provider is not a readable PDF", **identity)
        return Fetched(is_final=False)
    # Each kind has its folder: a service that answers both with the same bytes must not make two rows of one key.
    saved = stored_files.save(deps.storage, folder=f"signatures/{request.id}/{kind}", content=content)
    return Fetched(saved=saved)


def _deadline_has_passed(request: SignatureRequest, deps: Dependencies) -> bool:
    if request.finished_at is None:
        return False
    return clock.utcnow() - request.finished_at >= timedelta(seconds=deps.settings.archive_deadline_seconds)
