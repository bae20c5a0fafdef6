"""Phase 3 of a create: an envelope exists, so the request becomes visible; or its envelope is cancelled."""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.errors import EnvelopeAlreadyOver, ProviderUnavailable
from app.domain.lifecycle import Action, Status
from app.domain.ports import SentEnvelope, SigningProvider
from app.models import SignatureRequest
from app.services import following, transitions
from app.services.dependencies import Dependencies
from app.services.paging import stamp_created_at
from app.services.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)


def record(
    request_id: UUID, envelope: SentEnvelope, *, signing: SigningProvider, deps: Dependencies
) -> SignatureRequest:
    """Phase 3: the envelope exists; make the request visible as `sent`. Recording the same envelope twice is fine.

    Raises ProviderUnavailable when the request was given up meanwhile: its envelope is cancelled instead.
    """
    # Nothing asked for in between depends on what is changed here, so it is all written at once, at the end.
    with unit_of_work() as session, session.no_autoflush:
        request = transitions.lock(session, request_id)
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


def _become_sent(session: Session, request: SignatureRequest, envelope: SentEnvelope, *, settings: Settings) -> None:
    request.provider_id = envelope.provider_id
    for person in envelope.recipients:
        recipient = following.match_recipient(request.recipients, person)
        if recipient is not None:
            recipient.provider_id = person.provider_id
    request.created_at = stamp_created_at(session, SignatureRequest, request.project_id)
    request.expires_at = request.created_at + timedelta(hours=request.expiration_hours)
    request.doubtful_since = None
    following.schedule_poll(request, settings=settings)
    transitions.apply(session, request, Action.SEND, cause="api")
