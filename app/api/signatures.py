"""`/v1/signatures` (contract section 3)."""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any
from uuid import UUID

from flask import Response, request
from structlog.contextvars import bind_contextvars

from app.api.deps import current_project, dependencies, idempotency_key, public_url
from app.api.downloads import send_pdf
from app.api.parsing import LOCATION, StrictBlueprint, body_digest
from app.api.schemas.history import HistoryQuerySchema, HistorySchema
from app.api.schemas.signatures import (
    SignatureCancelSchema,
    SignatureCreateSchema,
    SignatureListSchema,
    SignatureQuerySchema,
    SignatureRemindSchema,
    SignatureSchema,
    to_submission,
)
from app.domain.errors import (
    Conflict,
    CreditsExhausted,
    DocumentTooLarge,
    NotFound,
    ProviderError,
    SignaturesUnavailable,
    StorageUnavailable,
    UpstreamError,
)
from app.domain.lifecycle import Status
from app.models import SignatureRequest
from app.services import archive, history, listing, reminders, shown, signatures
from app.services.history import HistoryPage
from app.services.listing import Filters
from app.services.paging import Page
from app.services.shown import AnyRequest, ShownRequest

blueprint = StrictBlueprint("signatures", __name__, description="Send renders out for signature and follow them.")


@blueprint.before_request
def name_the_request() -> None:
    """Let every log line of the request say which signature request it is about."""
    if request.view_args:
        bind_contextvars(signature_request_id=str(request.view_args["request_id"]))


def replay_the_same_bytes(view: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a retry of the very same bytes at once: they were valid when they came first."""

    @blueprint.response(200, SignatureSchema)
    def replay(found: ShownRequest) -> tuple[ShownRequest, Mapping[str, str]]:
        return found, _location(found)

    @wraps(view)
    def replay_or_view() -> Any:
        key = request.headers.get("Idempotency-Key")
        if key and not request.query_string:
            found = signatures.find_replay(body_digest(), project_id=current_project(), idempotency_key=key)
            if found is not None:
                return replay(found)
        return view()

    return replay_or_view


def _location(created: AnyRequest) -> Mapping[str, str]:
    return {"Location": public_url(f"/v1/signatures/{created.id}")}


@blueprint.get("")
@blueprint.arguments(SignatureQuerySchema, location="query")
@blueprint.response(200, SignatureListSchema)
def list_signatures(query: Mapping[str, Any]) -> Page[ShownRequest]:
    """List the project's signature requests, newest first.

    Several `status` mean any of them; `createdAfter` and `createdBefore` are exclusive.
    """
    wanted = Filters(
        render_id=query.get("render_id"),
        statuses=frozenset(map(Status, query["status"])),
        created_after=query.get("created_after"),
        created_before=query.get("created_before"),
    )
    return listing.list_page(wanted, project_id=current_project(), cursor=query.get("cursor"), limit=query["limit"])


@blueprint.post("")
@replay_the_same_bytes
@blueprint.arguments(SignatureCreateSchema)
@blueprint.no_query
@blueprint.replays
@blueprint.raises(
    Conflict, CreditsExhausted, DocumentTooLarge, NotFound, ProviderError, SignaturesUnavailable, StorageUnavailable
)
@blueprint.response(201, SignatureSchema, headers=LOCATION, description="Sent: the recipients are mailed.")
@blueprint.alt_response(200, schema=SignatureSchema, headers=LOCATION, description="A replay: the request as it is.")
def create_signature(body: Mapping[str, Any]) -> tuple[AnyRequest, int, Mapping[str, str]]:
    """Send a render out for signature.

    Fields are placed by page and percent (`fields`) or at a text of the document (`anchorTags`). `order` must be the
    numbers 1 to the number of recipients; a field must lie on its page and belong to somebody who can have it. After a
    `502` the same Idempotency-Key is safe to retry: nothing is ever sent twice.
    """
    created, replayed = signatures.create(
        to_submission(body),
        project_id=current_project(),
        idempotency_key=idempotency_key(),
        body_digest=body_digest(),
        deps=dependencies(),
    )
    return created, 200 if replayed else 201, _location(created)


@blueprint.get("/<uuid:request_id>")
@blueprint.no_query
@blueprint.response(200, SignatureSchema)
def get_signature(request_id: UUID) -> ShownRequest:
    """Return a signature request."""
    return shown.get(request_id, project_id=current_project())


@blueprint.get("/<uuid:request_id>/events")
@blueprint.arguments(HistoryQuerySchema, location="query")
@blueprint.response(200, HistorySchema)
def list_events(query: Mapping[str, Any], request_id: UUID) -> HistoryPage:
    """List what happened to a request, when and by whom, newest last.

    `cursor` is the `sequence` of an event: what came after it is returned. Beside the events of webhooks there are
    `recipient.declined`, `recipient.reminded`, `recipient.mail_failed` (a mail to that person was refused for good, or
    not taken for two days; `reason` says what the mail server answered) and `signature.erased`. They move no status.
    """
    return history.list_page(request_id, project_id=current_project(), after=query["cursor"], limit=query["limit"])


@blueprint.post("/<uuid:request_id>/cancel")
@blueprint.arguments(SignatureCancelSchema, location="json_or_empty")
@blueprint.no_query
@blueprint.raises(Conflict, ProviderError, SignaturesUnavailable)
@blueprint.response(200, SignatureSchema)
def cancel_signature(body: Mapping[str, Any], request_id: UUID) -> SignatureRequest:
    """Cancel a request that is not over."""
    return signatures.cancel(request_id, project_id=current_project(), reason=body.get("reason"), deps=dependencies())


@blueprint.post("/<uuid:request_id>/remind")
@blueprint.arguments(SignatureRemindSchema, location="json_or_empty")
@blueprint.no_query
@blueprint.raises(Conflict, ProviderError, SignaturesUnavailable)
@blueprint.response(200, SignatureSchema)
def remind_signers(body: Mapping[str, Any], request_id: UUID) -> SignatureRequest:
    """Mail those whose turn it is once more."""
    return reminders.remind(
        request_id,
        project_id=current_project(),
        recipient_ids=body["recipient_ids"],
        message=body.get("message"),
        deps=dependencies(),
    )


@blueprint.get("/<uuid:request_id>/download")
@blueprint.no_query
@blueprint.raises(Conflict)
@blueprint.sends_pdf
def download_signature(request_id: UUID) -> Response:
    """Download the signed PDF."""
    find = partial(archive.signed_document, request_id, project_id=current_project())
    return send_pdf(find, name=f"{request_id}-signed.pdf")


@blueprint.get("/<uuid:request_id>/certificate")
@blueprint.no_query
@blueprint.raises(Conflict, UpstreamError)
@blueprint.sends_pdf
def download_certificate(request_id: UUID) -> Response:
    """Download the certificate of completion."""
    find = partial(archive.certificate, request_id, project_id=current_project(), deps=dependencies())
    return send_pdf(find, name=f"{request_id}-certificate.pdf")
