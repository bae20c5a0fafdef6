"""Signature requests: create, get, cancel (contract section 3)."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload
from structlog.contextvars import bind_contextvars

from app.domain import clock
from app.domain.errors import (
    Conflict,
    DocumentTooLarge,
    EnvelopeAlreadyOver,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    SignaturesUnavailable,
)
from app.domain.history import Cause
from app.domain.ids import new_id
from app.domain.lifecycle import TERMINAL, Action, Status
from app.domain.ports import EnvelopeDraft, SigningProvider
from app.domain.submission import Submission, check
from app.models import IdempotencyKey, Recipient, SignatureRequest
from app.prepared import Prepared
from app.services import doubt, following, idempotency, placements, renders, sending, shown, stored_files, transitions
from app.services.dependencies import Dependencies
from app.services.shown import OF_RECIPIENT, OF_REQUEST, AnyRequest, ShownRequest
from app.services.unit_of_work import read_rows, reading, unit_of_work

#: The largest PDF that can be sent out for signature (contract section 1).
LARGEST_DOCUMENT = 20 * 1024 * 1024

#: A request and its people in one statement, made once: making a statement takes longer than running it.
BY_ID = (
    select(SignatureRequest)
    .where(SignatureRequest.id == bindparam("id"))
    .options(joinedload(SignatureRequest.recipients))
)

#: Asked at every create that has a key.
BY_SAME_BYTES = Prepared(
    select(*OF_REQUEST, *OF_RECIPIENT)
    .select_from(IdempotencyKey)
    .join(SignatureRequest, SignatureRequest.id == IdempotencyKey.resource_id)
    .outerjoin(Recipient, Recipient.request_id == SignatureRequest.id)
    .where(
        IdempotencyKey.project_id == bindparam("project_id"),
        IdempotencyKey.kind == bindparam("kind"),
        IdempotencyKey.key == bindparam("key"),
        IdempotencyKey.body_digest == bindparam("body_digest"),
        SignatureRequest.created_at.is_not(None),
    )
    .order_by(Recipient.position)
)

#: How often the loser of a race looks whether the winner is done, in seconds.
WAIT_STEP = 0.1

#: A cancel that is this old has been answered, or its answer is lost.
CANCEL_WINDOW = timedelta(seconds=60)


def find_replay(body_digest: str, *, project_id: UUID, idempotency_key: str) -> ShownRequest | None:
    """Return the visible request that the key created when it came with the very same bytes; None when there is none.

    They were validated then. What was written differently is compared as `create` does it, after its validation.
    """
    values = {"project_id": project_id, "kind": sending.KIND, "key": idempotency_key, "body_digest": body_digest}
    found = next(iter(shown.gather(read_rows(BY_SAME_BYTES, values))), None)
    if found is not None:
        bind_contextvars(signature_request_id=str(found.id))
    return found


def create(
    submission: Submission,
    *,
    project_id: UUID,
    idempotency_key: str | None,
    body_digest: str | None,
    deps: Dependencies,
) -> tuple[AnyRequest, bool]:
    """Send a render out for signature; return the request, and whether it is a replay of an earlier call.

    `body_digest` is the SHA-256 of the body's bytes, for `find_replay`.

    Raises SignaturesUnavailable, NotFound, Conflict, DocumentTooLarge, StorageUnavailable, InvalidRequest (what only
    the PDF can tell) and IdempotencyKeyReused, and then nothing is stored; or ProviderError (see `sending.send`).
    """
    check(submission)
    body = idempotency.fingerprint(submission.as_mapping())
    replay = _replay(submission, body, project_id=project_id, key=idempotency_key, deps=deps)
    if replay is not None:
        return replay, True
    signing = require_signing(deps)
    draft = _prepare(submission, project_id=project_id, deps=deps)
    try:
        sending.claim(
            submission,
            request_id=draft.reference,
            project_id=project_id,
            idempotency_key=idempotency_key,
            fingerprint=body,
            body_digest=body_digest,
            settings=deps.settings,
        )
    except IntegrityError:
        replay = _replay(submission, body, project_id=project_id, key=idempotency_key, deps=deps)
        if replay is None:
            renders.get(submission.render_id, project_id=project_id)  # It may have been purged meanwhile.
            raise Conflict("The first request with this Idempotency-Key was refused.", retry_after=1) from None
        return replay, True
    return sending.send(draft, signing=signing, deps=deps), False


def get(request_id: UUID, *, project_id: UUID) -> SignatureRequest:
    """Return the project's request; raise NotFound when there is none that is visible."""
    with reading() as session:
        request = session.scalars(BY_ID, {"id": request_id}).unique().one_or_none()
    if request is None or request.project_id != project_id or request.created_at is None:
        raise NotFound("There is no such signature request in this project.")
    return request


def cancel(request_id: UUID, *, project_id: UUID, reason: str | None, deps: Dependencies) -> SignatureRequest:
    """Cancel an open request at the provider, then here; return it.

    Raises NotFound, Conflict when it is over already or is being cancelled right now, SignaturesUnavailable, and
    ProviderError when the provider did not do it; then the status is unchanged.
    """
    request = get(request_id, project_id=project_id)
    if request.status in TERMINAL:
        raise _already_over(request)
    signing = require_signing(deps)
    provider_id = _begin_cancel(request_id, reason=reason)
    try:
        signing.cancel(provider_id, reason=reason)
    except EnvelopeAlreadyOver:
        _abandon_cancel(request_id, keep_reason=True)
        request = following.follow(request_id, provider_id, signing=signing, settings=deps.settings)
        if request.status != Status.CANCELLED:
            raise _already_over(request) from None
        return request
    except ProviderError as error:
        _abandon_cancel(request_id, keep_reason=isinstance(error, ProviderUnavailable) and error.may_have_acted)
        raise
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        moved = transitions.apply(session, request, Action.CANCEL, cause=Cause.API, reason=reason)
        if moved:
            following.schedule_poll(request, settings=deps.settings)
    if not moved and request.status != Status.CANCELLED:
        raise _already_over(request)
    return request


def _replay(
    submission: Submission, fingerprint: str, *, project_id: UUID, key: str | None, deps: Dependencies
) -> AnyRequest | None:
    """Return the request that the key stands for, once it is visible; None when the key is free."""
    if key is None:
        return None
    known = _fingerprints(submission, fingerprint)
    request_id = idempotency.find(project_id=project_id, kind=sending.KIND, key=key, body_fingerprints=known)
    return None if request_id is None else _await_outcome(request_id, project_id=project_id, deps=deps)


def _fingerprints(submission: Submission, fingerprint: str) -> Iterator[str]:
    """Yield this version's fingerprint, then, if that is not the one, the one that the first versions made."""
    yield fingerprint
    first = submission.as_first_mapping()
    if first is not None:
        yield idempotency.fingerprint(first)


def _await_outcome(request_id: UUID, *, project_id: UUID, deps: Dependencies) -> AnyRequest | None:
    """Wait for the caller that is sending the request; None when it was refused and the key is free again.

    A request in doubt, or one whose caller takes too long (it may have died), is looked for at the provider, once.
    Raises Conflict when the outcome is still open.
    """
    bind_contextvars(signature_request_id=str(request_id))
    deadline = clock.monotonic() + deps.settings.idempotency_wait_seconds
    while True:
        found = shown.find(request_id, project_id=project_id)
        if found is not None:
            return found
        with reading() as session:
            request = session.get(SignatureRequest, request_id)
        if request is None:
            return None
        if request.created_at is not None:
            continue
        if doubt.in_doubt_since(request, deps.settings) is not None:
            return _look_up_once(request_id, deps=deps, otherwise=_still_in_doubt())
        if clock.monotonic() >= deadline:
            return _look_up_once(request_id, deps=deps, otherwise=_still_in_flight())
        clock.sleep(WAIT_STEP)


def _look_up_once(request_id: UUID, *, deps: Dependencies, otherwise: Conflict) -> SignatureRequest:
    """Return the request if its envelope is found now; raise `otherwise` when not."""
    try:
        found = doubt.look_up(request_id, signing=require_signing(deps), deps=deps)
    except ProviderError as error:
        raise otherwise from error
    if found is None:
        raise otherwise
    return found


def _still_in_doubt() -> Conflict:
    return Conflict(
        "The outcome of the first request with this Idempotency-Key is not known yet; nothing is sent twice.",
        retry_after=5,
    )


def _still_in_flight() -> Conflict:
    return Conflict("The first request with this Idempotency-Key is still being processed.", retry_after=1)


def require_signing(deps: Dependencies) -> SigningProvider:
    """Return the signing service; raise SignaturesUnavailable when none is configured."""
    if deps.signing is None:
        raise SignaturesUnavailable("Digital signatures are not configured on this server.")
    return deps.signing


def _prepare(submission: Submission, *, project_id: UUID, deps: Dependencies) -> EnvelopeDraft:
    render = renders.get_ready(submission.render_id, project_id=project_id)
    if render.size > LARGEST_DOCUMENT:
        raise DocumentTooLarge(f"A PDF to be signed has at most {LARGEST_DOCUMENT // 1024**2} MiB.")
    try:
        document = stored_files.read(deps.storage, render.key)
    except FileNotFoundError:
        renders.get_ready(submission.render_id, project_id=project_id)  # Purged or erased a moment ago, it says so.
        raise
    return placements.prepare(
        submission, reference=new_id(), document=document, pages=render.pages, inspector=deps.inspector
    )


def _begin_cancel(request_id: UUID, *, reason: str | None) -> str:
    """Claim the cancel, so that of two at once only one reaches the provider; return the provider's id."""
    now = clock.utcnow()
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        if request.status in TERMINAL or request.provider_id is None:
            raise _already_over(request)
        if request.cancel_requested_at is not None and now < request.cancel_requested_at + CANCEL_WINDOW:
            raise Conflict("This signature request is being cancelled already.", retry_after=1)
        request.cancel_requested_at = now
        request.cancel_reason = reason
    return request.provider_id


def _abandon_cancel(request_id: UUID, *, keep_reason: bool) -> None:
    """Let the next cancel try at once. If this one may have worked, its reason is kept for when we learn so."""
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        request.cancel_requested_at = None
        if not keep_reason:
            request.cancel_reason = None


def _already_over(request: SignatureRequest) -> Conflict:
    if request.finished_at is not None and request.status not in TERMINAL:
        return Conflict("Everybody has signed this request already; it cannot be cancelled.")
    return Conflict(f"This signature request is already {request.status} and cannot be cancelled.")
