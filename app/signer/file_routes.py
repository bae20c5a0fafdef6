"""The addresses that work without an API key, because they carry their permission: files out, documents in."""

from uuid import UUID

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.domain.errors import Conflict, InvalidRequest, NotFound
from app.signer.bodies import read_body
from app.signer.dependencies import Dependencies
from app.signer.files import FileKind
from app.signer.models import Envelope
from app.signer.protocol_guard import error_body
from app.signer.uploads import MAX_BYTES, PDF


def make_file_routes(dependencies: Dependencies) -> Blueprint:
    """Return the routes for signed addresses (provider fact sheet, sections 3 and 11)."""
    blueprint = Blueprint("files", __name__)
    blueprint.register_error_handler(NotFound, lambda error: error_body(404, "Not Found", message=error.message))
    blueprint.register_error_handler(Conflict, lambda error: error_body(409, "Conflict", message=error.message))
    blueprint.register_error_handler(InvalidRequest, lambda error: error_body(400, error.message))
    blueprint.register_error_handler(HTTPException, lambda error: error_body(error.code or 500, error.name))

    @blueprint.get("/files/<token>")
    def get_file(token: str) -> ResponseReturnValue:
        """Return the PDF that the address stands for."""
        envelope_id, kind = dependencies.files.read(token)
        key = _key(dependencies.envelopes.get(envelope_id), kind)
        return _pdf(dependencies.storage.read(key), envelope_id, kind)

    @blueprint.put("/uploads/<token>")
    def put_document(token: str) -> ResponseReturnValue:
        """Take the bytes of an announced document."""
        # The address alone tells whether anybody may send this much.
        dependencies.uploads.check(token)
        content = read_body(limit=MAX_BYTES)
        dependencies.uploads.put(token, content, content_type=request.mimetype or PDF)
        return "", 200

    return blueprint


def _key(envelope: Envelope, kind: FileKind) -> str:
    key = {
        FileKind.SOURCE: envelope.document_key,
        FileKind.SIGNED: envelope.signed_key,
        FileKind.CERTIFICATE: envelope.certificate_key,
    }[kind]
    if key is None or envelope.erased_at is not None:
        raise NotFound("There is no such file.")
    return key


def _pdf(content: bytes, envelope_id: UUID, kind: FileKind) -> Response:
    response = Response(content, mimetype=PDF)
    response.headers["Content-Disposition"] = f'attachment; filename="{envelope_id}-{kind}.pdf"'
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox"
    return response
