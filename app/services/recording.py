"""Phase 3 of a create: an envelope exists, so the request becomes visible; or its envelope is cancelled."""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.errors import EnvelopeAlreadyOver, ProviderUnavailable
from app.domain.history import Cause
from app.domain.lifecycle import Status
from app.domain.ports import SentEnvelope, SigningProvider
from app.models import Recipient, SignatureRequest
from app.models.columns import table_of
from app.prepared import Prepared
from app.services import following, transitions
from app.services.dependencies import Dependencies
from app.services.paging import stamp_created_at
from app.services.shown import OF_RECIPIENT, OF_REQUEST, ClaimedRequest, ShownRecipient, ShownRequest
from app.services.unit_of_work import run, run_prepared, unit_of_work

log = structlog.get_logger(__name__)


#: Made once, and without models around the rows: every create comes through here. The people in a statement of their
#: own: joined to the lock, PostgreSQL would look for them in the state before the wait.
LOCK = (
    select(*OF_REQUEST, SignatureRequest.project_id, SignatureRequest.provider_id)
    .where(SignatureRequest.id == bindparam("id"))
    .with_for_update()
)
PEOPLE = Prepared(select(*OF_RECIPIENT).where(Recipient.request_id == bindparam("id")).order_by(Recipient.position))
NAME_PERSON = update(table_of(Recipient)).where(
    Recipient.request_id == bindparam("id_of_request"), Recipient.position == bindparam("place")
)


def record(request_id: UUID, envelope: SentEnvelope, *, signing: SigningProvider, deps: Dependencies) -> ShownRequest:
    """Phase 3: the envelope exists; make the request visible as `sent`. Recording the same envelope twice is fine.

    Raises ProviderUnavailable when the request was given up meanwhile: its envelope is cancelled instead.
    """
    with unit_of_work() as session:
        request = _lock(session, request_id)
        if request.status == Status.CREATING:
            _become_sent(session, request, envelope, settings=deps.settings)
    if request.provider_id != envelope.provider_id:
        cancel_late(request_id, envelope.provider_id, signing=signing)
        raise ProviderUnavailable(
            "The signing service answered after the request had been given up; its envelope is cancelled.",
            operation="create",
            may_have_acted=True,
        )
    return request


def cancel_late(request_id: UUID, provider_id: str, *, signing: SigningProvider) -> None:
    """Cancel an envelope whose request was given up, so that nobody signs what nobody knows of."""
    log.warning("late envelope cancelled", signature_request_id=str(request_id), provider_id=provider_id)
    try:
        signing.cancel(provider_id, reason="This request was given up before it was sent.")
    except EnvelopeAlreadyOver:
        log.warning("late envelope was over already", signature_request_id=str(request_id), provider_id=provider_id)


def _lock(session: Session, request_id: UUID) -> ClaimedRequest:
    """Read the request for changing it, as `transitions.lock` does."""
    values = run(session, LOCK, {"id": request_id}).mappings().one()
    people = run_prepared(session, PEOPLE, {"id": request_id})
    return ClaimedRequest(**values, recipients=[ShownRecipient(*person) for person in people])


def _become_sent(session: Session, request: ClaimedRequest, envelope: SentEnvelope, *, settings: Settings) -> None:
    request.provider_id = envelope.provider_id
    for person in envelope.recipients:
        recipient = following.match_recipient(request.recipients, person)
        if recipient is not None:
            recipient.provider_id = person.provider_id
    run(
        session,
        NAME_PERSON,
        [
            {"id_of_request": request.id, "place": place, "provider_id": recipient.provider_id}
            for place, recipient in enumerate(request.recipients)
        ],
    )
    request.created_at = stamp_created_at(session, SignatureRequest, request.project_id)
    expires_at = request.created_at + timedelta(hours=request.expiration_hours)
    transitions.send(
        session,
        request,
        cause=Cause.API,
        provider_id=request.provider_id,
        created_at=request.created_at,
        expires_at=expires_at,
        doubtful_since=None,
        due_at=following.next_poll(expires_at, settings=settings),
        attempts=0,
        lease_until=None,
        lease_token=None,
    )
