"""Sending a request out: at most one create call per request, and no envelope that we do not know of.

The provider has no idempotency key, and a repeated create mails people twice and bills twice. So a create runs in
three phases, with nothing open across the call, and a lost answer is never taken for a refusal: the envelope carries
our id as its reference and is looked for (contract section 4).
"""

from uuid import UUID

import structlog
from sqlalchemy import insert
from structlog.contextvars import bind_contextvars

from app.config import Settings
from app.domain import clock
from app.domain.errors import ProviderError, ProviderRejected, ProviderUnavailable
from app.domain.lifecycle import Status
from app.domain.ports import EnvelopeDraft, SigningProvider
from app.domain.submission import Submission
from app.models import Recipient, SignatureRequest
from app.models.columns import table_of
from app.services import idempotency, transitions
from app.services.dependencies import Dependencies
from app.services.doubt import in_flight_window, look_up
from app.services.recording import record
from app.services.shown import AnyRequest
from app.services.unit_of_work import run, unit_of_work

log = structlog.get_logger(__name__)

KIND = "signature"

#: Waits between the look-ups inside the request whose answer was lost: about 5 seconds in all.
LOOK_UP_WAITS = (0.5, 1.0, 1.5, 2.0)

UNKNOWN_OUTCOME = (
    "The signing service's answer was lost: whether the request was sent is not known yet. Try again with the same"
    " Idempotency-Key: nothing is ever sent twice."
)

#: Made once, and nothing is read back from a claim, so no models are built for it.
INSERT_REQUEST = insert(table_of(SignatureRequest))
INSERT_RECIPIENTS = insert(table_of(Recipient))


def claim(  # noqa: PLR0913 (the facts of a request)
    submission: Submission,
    *,
    request_id: UUID,
    project_id: UUID,
    idempotency_key: str | None,
    fingerprint: str,
    body_digest: str | None,
    settings: Settings,
) -> None:
    """Phase 1: store the request, invisible, with its key. Its id is to be the reference of its envelope.

    Raises IntegrityError when another caller has claimed the key.
    """
    bind_contextvars(signature_request_id=str(request_id))
    now = clock.utcnow()
    with unit_of_work() as session:
        if idempotency_key is not None:
            idempotency.claim(
                session,
                project_id=project_id,
                kind=KIND,
                key=idempotency_key,
                body_fingerprint=fingerprint,
                body_digest=body_digest,
                resource_id=request_id,
            )
        run(
            session,
            INSERT_REQUEST,
            {
                "id": request_id,
                "project_id": project_id,
                "render_id": submission.render_id,
                "name": submission.name,
                "status": Status.CREATING,
                "expiration_hours": submission.expiration_hours,
                "claimed_at": now,
                "due_at": now + in_flight_window(settings),
            },
        )
        run(
            session,
            INSERT_RECIPIENTS,
            [
                {
                    "request_id": request_id,
                    "position": position,
                    "first_name": recipient.first_name,
                    "last_name": recipient.last_name,
                    "email": recipient.email,
                    "designation": recipient.designation,
                    "signing_order": recipient.order,
                }
                for position, recipient in enumerate(submission.recipients)
            ],
        )


def send(draft: EnvelopeDraft, *, signing: SigningProvider, deps: Dependencies) -> AnyRequest:
    """Phases 2 and 3: make the one call and record its answer; return the request, now `sent`.

    Raises ProviderRejected (CreditsExhausted among them) when there certainly is no envelope: the request and its key
    are gone. Raises ProviderUnavailable when nobody knows: the request stays `creating`, and the worker keeps looking.
    """
    request_id = draft.reference
    try:
        envelope = signing.create_and_send(draft)
    except ProviderRejected:
        withdraw(request_id)
        raise
    except ProviderUnavailable as error:
        if not error.may_have_acted:
            withdraw(request_id)
            raise
        log.warning("create answer lost", signature_request_id=str(request_id), operation=error.operation)
        _mark_doubtful(request_id)
        found = _look_up_patiently(request_id, signing=signing, deps=deps)
        if found is None:
            raise _outcome_unknown(error) from error
        return found
    return record(request_id, envelope, signing=signing, deps=deps)


def withdraw(request_id: UUID) -> None:
    """Forget a request that certainly has no envelope, and free its key."""
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        if request.status == Status.CREATING:
            idempotency.free(session, resource_id=request_id)
            session.delete(request)


def _outcome_unknown(error: ProviderUnavailable) -> ProviderUnavailable:
    return ProviderUnavailable(
        UNKNOWN_OUTCOME,
        operation=error.operation,
        may_have_acted=True,
        status=error.status,
        request_id=error.request_id,
    )


def _mark_doubtful(request_id: UUID) -> None:
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        if request.status == Status.CREATING:
            request.doubtful_since = request.due_at = clock.utcnow()


def _look_up_patiently(request_id: UUID, *, signing: SigningProvider, deps: Dependencies) -> SignatureRequest | None:
    for wait in LOOK_UP_WAITS:
        clock.sleep(wait)
        try:
            found = look_up(request_id, signing=signing, deps=deps)
        except ProviderError as error:
            log.warning("look-up failed", signature_request_id=str(request_id), operation=error.operation)
            continue
        if found is not None:
            return found
    return None
