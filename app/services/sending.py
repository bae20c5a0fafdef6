"""Sending a request out: at most one create call per request, and no envelope that we do not know of.

The provider has no idempotency key, and a repeated create mails people twice and bills twice. So a create runs in
three phases, with nothing open across the call, and a lost answer is never taken for a refusal: the envelope carries
our id as its reference and is looked for (contract section 4).
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import and_, or_
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain import backoff, clock
from app.domain.errors import EnvelopeAlreadyOver, ProviderError, ProviderRejected, ProviderUnavailable
from app.domain.lifecycle import Action, Status
from app.domain.ports import EnvelopeDraft, EnvelopeStatus, FoundEnvelope, SentEnvelope, SigningProvider
from app.domain.submission import Submission
from app.models import Recipient, SignatureRequest
from app.services import following, idempotency, leases, transitions
from app.services.dependencies import Dependencies
from app.services.leases import Claim
from app.services.paging import stamp_created_at
from app.services.unit_of_work import reading, unit_of_work

log = structlog.get_logger(__name__)

KIND = "signature"

#: Waits between the look-ups inside the request whose answer was lost: about 5 seconds in all.
LOOK_UP_WAITS = (0.5, 1.0, 1.5, 2.0)

#: How far the provider's clock may be behind ours (provider fact sheet, section 18).
CLOCK_SKEW = timedelta(minutes=5)

#: Beyond its time-outs a call may take this long: the upload of a large document, a short wait after a 429.
IN_FLIGHT_SLACK = timedelta(seconds=30)


#: A request that was given up is looked for this long: its envelope may turn up late.
WATCH_FOR = timedelta(days=30)
FIRST_LATE_LOOK = timedelta(minutes=10)
LONGEST_LATE_LOOK = timedelta(days=1)

#: What the worker looks for: requests in doubt, and given-up ones whose envelope may still turn up.
AWAITS_ENVELOPE = or_(
    SignatureRequest.status == Status.CREATING,
    and_(SignatureRequest.status == Status.FAILED, SignatureRequest.provider_id.is_(None)),
)

GIVEN_UP = (
    "The signing service's answer was lost, and no envelope of this request was found there in time. Nobody can sign"
    " it; it is safe to create the request again."
)

#: One look-up, an adoption, and the cancelling of what came late.
LEASE = timedelta(minutes=3)

FIRST_LOOK_UP = timedelta(seconds=5)
LONGEST_LOOK_UP = timedelta(minutes=5)


def claim(
    submission: Submission, *, request_id: UUID, project_id: UUID, idempotency_key: str | None, settings: Settings
) -> None:
    """Phase 1: store the request, invisible, with its key. Its id is to be the reference of its envelope.

    Raises IntegrityError when another caller has claimed the key.
    """
    now = clock.utcnow()
    with unit_of_work() as session:
        if idempotency_key is not None:
            idempotency.claim(
                session,
                project_id=project_id,
                kind=KIND,
                key=idempotency_key,
                body_fingerprint=idempotency.fingerprint(submission.as_mapping()),
                resource_id=request_id,
            )
            session.flush()  # The loser of a race must stop here, before anything else is written.
        session.add(
            SignatureRequest(
                id=request_id,
                project_id=project_id,
                render_id=submission.render_id,
                name=submission.name,
                status=Status.CREATING,
                expiration_hours=submission.expiration_hours,
                claimed_at=now,
                due_at=now + in_flight_window(settings),
                recipients=[
                    Recipient(
                        position=position,
                        first_name=recipient.first_name,
                        last_name=recipient.last_name,
                        email=recipient.email,
                        designation=recipient.designation,
                        order=recipient.order,
                    )
                    for position, recipient in enumerate(submission.recipients)
                ],
            )
        )


def send(draft: EnvelopeDraft, *, signing: SigningProvider, deps: Dependencies) -> SignatureRequest:
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
            raise
        return found
    return record(request_id, envelope, signing=signing, deps=deps)


def record(
    request_id: UUID, envelope: SentEnvelope, *, signing: SigningProvider, deps: Dependencies
) -> SignatureRequest:
    """Phase 3: the envelope exists; make the request visible as `sent`. Recording the same envelope twice is fine.

    Raises ProviderUnavailable when the request was given up meanwhile: its envelope is cancelled instead.
    """
    with unit_of_work() as session:
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


def withdraw(request_id: UUID) -> None:
    """Forget a request that certainly has no envelope, and free its key."""
    with unit_of_work() as session:
        idempotency.free(session, resource_id=request_id)
        session.delete(transitions.lock(session, request_id))


def look_up(request_id: UUID, *, signing: SigningProvider, deps: Dependencies) -> SignatureRequest | None:
    """Look for the envelope of a request in doubt by its reference; adopt it and return the request, or None.

    An envelope that was created and never sent is deleted. Raises ProviderError when the provider cannot be asked.
    """
    with reading() as session:
        request = session.get_one(SignatureRequest, request_id)
    if request.status != Status.CREATING:
        return request
    hits = _find(request, signing=signing)
    for draft in (hit for hit in hits if hit.status is EnvelopeStatus.DRAFT):
        signing.delete_draft(draft.provider_id)
    sent = [hit for hit in hits if hit.status is not EnvelopeStatus.DRAFT]
    if not sent:
        return None
    return adopt(request_id, sent[-1].provider_id, signing=signing, deps=deps)


def adopt(request_id: UUID, provider_id: str, *, signing: SigningProvider, deps: Dependencies) -> SignatureRequest:
    """Take an envelope that was found as the request's own, in whatever state it is."""
    state = signing.read(provider_id)
    envelope = SentEnvelope(provider_id=provider_id, recipients=state.recipients)
    record(request_id, envelope, signing=signing, deps=deps)
    log.info("envelope adopted", signature_request_id=str(request_id), provider_id=provider_id)
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        following.apply_state(session, request, state)
    return request


def cancel_late(request_id: UUID, provider_id: str, *, signing: SigningProvider) -> None:
    """Cancel an envelope whose request was given up, so that nobody signs what nobody knows of."""
    log.warning("late envelope cancelled", signature_request_id=str(request_id), provider_id=provider_id)
    try:
        signing.cancel(provider_id, reason="This request was given up before it was sent.")
    except EnvelopeAlreadyOver:
        log.warning("late envelope was over already", signature_request_id=str(request_id), provider_id=provider_id)


def run_once(*, limit: int, deps: Dependencies) -> int:
    """Look for the envelopes of requests in doubt that are due; return how many were attended to."""
    if deps.signing is None:
        return 0
    with unit_of_work() as session:
        claims = leases.claim(session, SignatureRequest, AWAITS_ENVELOPE, limit=limit, lease=LEASE)
    for held in claims:
        _attend(held, signing=deps.signing, deps=deps)
    return len(claims)


def claim_found(request_id: UUID, provider_id: str, *, signing: SigningProvider, deps: Dependencies) -> bool:
    """Deal with an envelope that carries our reference and that no request has: adopt it, or cancel it.

    Returns False while the request's own create call may still be running.
    """
    with reading() as session:
        request = session.get(SignatureRequest, request_id)
    if request is None or request.provider_id == provider_id:
        return True
    if request.status == Status.CREATING and in_doubt_since(request, deps.settings) is None:
        return False
    if request.status == Status.CREATING:
        adopt(request_id, provider_id, signing=signing, deps=deps)
    else:
        cancel_late(request_id, provider_id, signing=signing)
    return True


def in_doubt_since(request: SignatureRequest, settings: Settings) -> datetime | None:
    """Return when the create call of a `creating` request ended without a clear answer; None while it is running.

    A process that died in the call recorded nothing, so a call that is older than any call can get is over.
    """
    if request.doubtful_since is not None:
        return request.doubtful_since
    latest = request.claimed_at + in_flight_window(settings)
    return latest if latest <= clock.utcnow() else None


def in_flight_window(settings: Settings) -> timedelta:
    """Return how long after its claim a create call can still be running."""
    call = settings.provider_connect_timeout + settings.provider_create_timeout
    upload = 2 * (settings.provider_connect_timeout + settings.provider_read_timeout)
    return timedelta(seconds=call + upload) + IN_FLIGHT_SLACK


def _attend(held: Claim, *, signing: SigningProvider, deps: Dependencies) -> None:
    with reading() as session:
        status = session.get_one(SignatureRequest, held.row_id).status
    try:
        if status == Status.CREATING:
            _resolve_doubt(held, signing=signing, deps=deps)
        else:
            _watch_for_late_envelope(held, signing=signing)
    except ProviderError as error:
        # Not being able to ask is no answer: the request stays in doubt for as long as that lasts.
        log.warning("look-up failed", signature_request_id=str(held.row_id), operation=error.operation)
        _look_again(held, first=FIRST_LOOK_UP, longest=LONGEST_LOOK_UP)


def _resolve_doubt(held: Claim, *, signing: SigningProvider, deps: Dependencies) -> None:
    """Adopt the envelope if it is found; give the request up once the period of doubt is over without one."""
    asked_at = clock.utcnow()
    if look_up(held.row_id, signing=signing, deps=deps) is not None:
        return
    with unit_of_work() as session:
        request = transitions.lock(session, held.row_id)
        if not leases.holds(request, held) or request.status != Status.CREATING:
            return
        doubt_began = in_doubt_since(request, deps.settings)
        if doubt_began is not None and asked_at >= doubt_began + timedelta(
            seconds=deps.settings.provider_doubt_seconds
        ):
            _give_up(session, request)
        else:
            wait = backoff.exponential(held.attempts, first=FIRST_LOOK_UP, longest=LONGEST_LOOK_UP)
            leases.release(request, after=wait)


def _give_up(session: Session, request: SignatureRequest) -> None:
    """Make a request that has no envelope visible as `failed`, and free its key."""
    idempotency.free(session, resource_id=request.id)
    request.created_at = stamp_created_at(session, SignatureRequest, request.project_id)
    transitions.apply(session, request, Action.FAIL, cause="doubt", reason=GIVEN_UP)
    leases.hand_over(request)
    request.due_at = clock.utcnow() + FIRST_LATE_LOOK


def _watch_for_late_envelope(held: Claim, *, signing: SigningProvider) -> None:
    """Cancel what turns up after a request was given up; stop watching after a while."""
    with reading() as session:
        request = session.get_one(SignatureRequest, held.row_id)
    for hit in _find(request, signing=signing):
        if hit.status is EnvelopeStatus.DRAFT:
            signing.delete_draft(hit.provider_id)
        elif hit.status is EnvelopeStatus.OPEN:
            cancel_late(request.id, hit.provider_id, signing=signing)
    if clock.utcnow() - request.claimed_at < WATCH_FOR:
        _look_again(held, first=FIRST_LATE_LOOK, longest=LONGEST_LATE_LOOK)
    else:
        _look_again(held, first=None)


def _look_again(held: Claim, *, first: timedelta | None, longest: timedelta = timedelta.max) -> None:
    wait = None if first is None else backoff.exponential(held.attempts, first=first, longest=longest)
    with unit_of_work() as session:
        request = transitions.lock(session, held.row_id)
        if leases.holds(request, held):
            leases.release(request, after=wait)


def _find(request: SignatureRequest, *, signing: SigningProvider) -> tuple[FoundEnvelope, ...]:
    return signing.find_by_reference(request.id, name=request.name, created_after=request.claimed_at - CLOCK_SKEW)


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
