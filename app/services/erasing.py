"""Erasing one request: its personal data and its files go, what happened and when stays on record (GDPR article 17)."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, undefer

from app.domain import clock
from app.domain.erasure import ADDRESS, NAME
from app.domain.errors import Conflict, NotFound
from app.domain.history import Cause
from app.domain.lifecycle import TERMINAL
from app.models import (
    HistoryEntry,
    ProviderEvent,
    Render,
    SignatureRequest,
    StoredFile,
    WebhookAttempt,
    WebhookDelivery,
)
from app.services import discarding, events, leases, transitions
from app.services.at_rest import at_rest
from app.services.dependencies import Dependencies
from app.services.unit_of_work import reading, unit_of_work

#: Files of one request that are removed at once; the worker removes what is left.
FILES = 10


def find(request_id: UUID) -> SignatureRequest:
    """Return a request of any project that can be erased, or is; raise NotFound, or Conflict with the reason."""
    with reading() as session:
        return _require(session.get(SignatureRequest, request_id), session)


def erase(request_id: UUID, *, deps: Dependencies) -> SignatureRequest:
    """Erase a request that is over; return it. Doing it again changes nothing. Raises NotFound and Conflict.

    What stays: ids, statuses, times, the steps of the history without their words, and the files' sizes and SHA-256.
    """
    find(request_id)
    with unit_of_work() as session:
        request = _require(transitions.lock(session, request_id), session)
        if request.erased_at is None:
            _erase(session, request)
    discarding.run_once(limit=FILES, deps=deps)
    return request


def _require(request: SignatureRequest | None, session: Session) -> SignatureRequest:
    if request is None or request.created_at is None:
        raise NotFound("There is no such signature request.")
    if request.status not in TERMINAL:
        raise Conflict(f"This signature request is still {request.status}; only what is over can be erased.")
    if session.scalar(select(SignatureRequest.id).where(SignatureRequest.id == request.id, at_rest())) is None:
        raise Conflict(
            "Something is still being done about this signature request: a webhook is on its way, a file is being"
            " fetched, or an envelope that may turn up late is looked for. Try again later."
        )
    return request


def _erase(session: Session, request: SignatureRequest) -> None:
    now = clock.utcnow()
    request.erased_at = now
    request.name = NAME
    request.error_message = request.cancel_reason = None
    for recipient in request.recipients:
        recipient.first_name, recipient.last_name, recipient.email = NAME, None, ADDRESS
    leases.release(request, after=None)  # A file that was never fetched is not fetched now.
    session.execute(update(HistoryEntry).where(HistoryEntry.request_id == request.id).values(reason=None))
    _erase_messages(session, request)
    _erase_files(session, request, now=now)
    transitions.mark_erased(session, request, cause=Cause.OPERATOR)


def _erase_messages(session: Session, request: SignatureRequest) -> None:
    """Take the people out of what was told of the request, and out of what was answered and told to us."""
    told = select(WebhookDelivery).filter_by(request_id=request.id).options(undefer(WebhookDelivery.body))
    for delivery in session.scalars(told):
        delivery.body = events.without_people(delivery.body)
    deliveries = select(WebhookDelivery.id).filter_by(request_id=request.id)
    session.execute(update(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(deliveries)).values(answer=""))
    session.execute(update(ProviderEvent).where(ProviderEvent.provider_id == request.provider_id).values(body=b""))


def _erase_files(session: Session, request: SignatureRequest, *, now: datetime) -> None:
    files = [file for file in _files(session, request) if file.erased_at is None]
    for file in files:
        file.erased_at = now
    discarding.give_up(session, [file.key for file in files])


def _files(session: Session, request: SignatureRequest) -> Iterator[StoredFile]:
    """Yield the request's files, and its render's unless another request still needs that."""
    own = (request.signed_file_id, request.certificate_file_id)
    yield from session.scalars(select(StoredFile).where(StoredFile.id.in_([each for each in own if each])))
    # The lock comes first: a create that has the render in hand holds it until its request can be seen here.
    session.execute(select(Render.id).filter_by(id=request.render_id).with_for_update())
    is_shared = exists(
        select(SignatureRequest.id).where(
            SignatureRequest.render_id == Render.id,
            SignatureRequest.id != request.id,
            SignatureRequest.erased_at.is_(None),
        )
    )
    yield from session.scalars(select(StoredFile).join(Render).where(Render.id == request.render_id, ~is_shared))
