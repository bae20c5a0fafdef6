"""`/v1/renders` (contract section 3)."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.api.deps import current_project, dependencies, idempotency_key, public_url
from app.api.downloads import send_pdf
from app.api.errors import UnsupportedMediaType
from app.api.parsing import LARGEST_JSON, LOCATION, StrictBlueprint, invalid_request, parse_json, read_body
from app.api.schemas.base import PageQuerySchema
from app.api.schemas.renders import (
    RenderFailSchema,
    RenderListSchema,
    RenderReserveSchema,
    RenderSchema,
)
from app.domain.errors import Conflict, DocumentTooLarge, InvalidRequest, StorageUnavailable
from app.models import Render
from app.services import renders
from app.services.paging import Page
from app.services.renders import LARGEST_RENDER, too_large

blueprint = StrictBlueprint("renders", __name__, description="The PDFs to be signed.")

#: What multipart adds around one file.
MULTIPART_OVERHEAD = 64 * 1024

PDF = "application/pdf"

FILE_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "contentMediaType": PDF}},
    "additionalProperties": False,
}

#: How the API description shows the bodies that a render can be made of.
PDF_OR_NOTHING_YET = {
    "required": True,
    "content": {
        PDF: {},
        "multipart/form-data": {"schema": FILE_FORM, "encoding": {"file": {"contentType": PDF}}},
        "application/json": {"schema": RenderReserveSchema},
    },
}


@blueprint.get("")
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, RenderListSchema)
def list_renders(query: Mapping[str, Any]) -> Page[Render]:
    """List the project's renders, newest first."""
    return renders.list_page(project_id=current_project(), cursor=query.get("cursor"), limit=query["limit"])


@blueprint.post("")
@blueprint.no_query
@blueprint.doc(requestBody=PDF_OR_NOTHING_YET)
@blueprint.replays
@blueprint.raises(DocumentTooLarge, StorageUnavailable, UnsupportedMediaType)
@blueprint.response(201, RenderSchema, headers=LOCATION, description="The PDF is here.")
@blueprint.alt_response(202, schema=RenderSchema, headers=LOCATION, description="The id is reserved.")
@blueprint.alt_response(200, schema=RenderSchema, headers=LOCATION, description="A replay: the render as it is.")
def create_render() -> tuple[Render, int, Mapping[str, str]]:
    """Take a PDF in, raw or as the multipart field `file`; or, with `{}`, reserve an id for one that comes later.

    A PDF has at most 50 MiB and 500 pages. One that could change by itself is refused, and one that is signed already.
    """
    kind = request.mimetype
    if kind == "application/json":
        _load_empty_object()
        render, replayed = renders.reserve(project_id=current_project(), idempotency_key=idempotency_key())
        status = 202
    elif kind in {PDF, "multipart/form-data"}:
        content = _read_pdf() if kind == PDF else _read_multipart()
        render, replayed = renders.upload(
            content, project_id=current_project(), idempotency_key=idempotency_key(), deps=dependencies()
        )
        status = 201
    else:
        raise UnsupportedMediaType("Send application/pdf, multipart/form-data with a file, or application/json.")
    return render, 200 if replayed else status, {"Location": public_url(f"/v1/renders/{render.id}")}


@blueprint.get("/<uuid:render_id>")
@blueprint.no_query
@blueprint.response(200, RenderSchema)
def get_render(render_id: UUID) -> Render:
    """Return a render."""
    return renders.get(render_id, project_id=current_project())


@blueprint.put("/<uuid:render_id>/pdf")
@blueprint.no_query
@blueprint.doc(requestBody={"required": True, "content": {PDF: {}}})
@blueprint.raises(Conflict, DocumentTooLarge, StorageUnavailable, UnsupportedMediaType)
@blueprint.response(200, RenderSchema)
def put_render_pdf(render_id: UUID) -> Render:
    """Give a reserved render its PDF."""
    if request.mimetype != PDF:
        raise UnsupportedMediaType("Send application/pdf.")
    return renders.put_pdf(render_id, _read_pdf(), project_id=current_project(), deps=dependencies())


@blueprint.post("/<uuid:render_id>/fail")
@blueprint.arguments(RenderFailSchema)
@blueprint.no_query
@blueprint.raises(Conflict)
@blueprint.response(200, RenderSchema)
def fail_render(body: Mapping[str, Any], render_id: UUID) -> Render:
    """Record that a reserved render will never get its PDF."""
    return renders.fail(render_id, error_message=body["error_message"], project_id=current_project())


@blueprint.get("/<uuid:render_id>/download")
@blueprint.no_query
@blueprint.raises(Conflict)
@blueprint.sends_pdf
def download_render(render_id: UUID) -> Response:
    """Download the PDF as it was uploaded."""
    return send_pdf(partial(renders.pdf_file, render_id, project_id=current_project()), name=f"{render_id}.pdf")


def _load_empty_object() -> None:
    errors = RenderReserveSchema().validate(parse_json(read_body(request, limit=LARGEST_JSON)))
    if errors:
        raise invalid_request(errors)


def _read_pdf() -> bytes:
    try:
        return read_body(request, limit=LARGEST_RENDER)
    except RequestEntityTooLarge as error:
        raise too_large() from error


def _read_multipart() -> bytes:
    request.max_content_length = LARGEST_RENDER + MULTIPART_OVERHEAD
    try:
        names = [name for part in (request.files, request.form) for name, _ in part.items(multi=True)]
    except RequestEntityTooLarge as error:
        raise too_large() from error
    unknown = {name: ["Unknown field."] for name in names if name != "file"}
    if unknown:
        raise InvalidRequest(field_errors=unknown)
    if names != ["file"] or "file" not in request.files:
        raise InvalidRequest(field_errors={"file": ["Exactly one file is required."]})
    return bytes(request.files["file"].read())
