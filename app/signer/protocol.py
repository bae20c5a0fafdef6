"""The provider's HTTP API for signing requests (provider fact sheet, sections 1 to 14)."""

from typing import Any
from uuid import UUID

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from app.domain.errors import NotFound
from app.signer import readback
from app.signer.bodies import read_body
from app.signer.dependencies import Dependencies
from app.signer.intake import InvalidEnvelope, parse_envelope
from app.signer.listing import list_envelopes
from app.signer.models import EnvelopeStatus
from app.signer.protocol_guard import ProtocolGuard, error_body
from app.signer.reminders import NotTheirTurn
from app.signer.schemas import Switch, TolerantSchema, one_line
from app.signer.text import read_json
from app.signer.uploads import MAX_BYTES, PDF
from app.signer.wire import COMPANY_ID, WORKSPACE_NAME, iso

PREFIX = "/signing-request-api"
#: The provider's platform cuts bodies off at about 6 MB; base64 of what callers should send inline stays below.
MAX_BODY_BYTES = 8 * 1024 * 1024
#: Seconds after which a document that is being sealed is worth another look.
SEALING_RETRY_AFTER = "2"


class CancelSchema(TolerantSchema):
    """The body of a cancel (section 9)."""

    reason = fields.String(allow_none=True, load_default=None, validate=[Length(max=500), one_line])
    notify_signers = Switch(load_default=True)


def _text(value: str) -> None:
    one_line(value.replace("\r\n", "\n").replace("\n", "").replace("\t", ""))


class ResendSchema(TolerantSchema):
    """The body of a reminder (section 10)."""

    recipient_ids = fields.List(fields.UUID(), required=True, validate=Length(min=1))
    custom_message = fields.String(allow_none=True, load_default=None, validate=[Length(max=1000), _text])


class DocumentSchema(TolerantSchema):
    """The announcement of a large document (section 3); this service takes PDFs only."""

    file_name = fields.String(required=True, validate=[Length(1, 255), one_line])
    file_size = fields.Integer(strict=True, required=True, validate=Range(1, MAX_BYTES))
    content_type = fields.String(required=True, validate=OneOf([PDF]))


def make_protocol(dependencies: Dependencies) -> Blueprint:
    """Return the routes; every one of them needs the API key."""
    blueprint = Blueprint("protocol", __name__, url_prefix=PREFIX)
    settings = dependencies.settings
    ProtocolGuard(
        api_keys=settings.api_keys,
        reads_per_minute=settings.reads_per_minute,
        writes_per_minute=settings.writes_per_minute,
    ).protect(blueprint)
    _add_create(blueprint, dependencies)
    _add_reading(blueprint, dependencies)
    _add_ending(blueprint, dependencies)

    @blueprint.get("/company")
    def company() -> ResponseReturnValue:
        """Return whose account this is (section 14)."""
        return jsonify(
            {"id": COMPANY_ID, "name": WORKSPACE_NAME, "language": "en", "website": None, "credits": readback.CREDITS}
        )

    @blueprint.route("/<path:_path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unknown(_path: str) -> ResponseReturnValue:
        """Answer any other path."""
        return error_body(404, "Not Found", code="NOT_FOUND", message="There is no such route.")

    return blueprint


def _add_create(blueprint: Blueprint, dependencies: Dependencies) -> None:
    @blueprint.post("/signing-requests/create-and-send")
    def create_and_send() -> ResponseReturnValue:
        """Create an envelope and send it (section 2)."""
        new = parse_envelope(_body())
        sent = dependencies.envelopes.create_and_send(new, ip_address=request.remote_addr)
        return jsonify(readback.created(sent, dependencies.files, new.warnings)), 201

    @blueprint.post("/documents")
    def announce_document() -> ResponseReturnValue:
        """Make room for a document too large for a JSON body (section 3)."""
        announced = dependencies.uploads.announce(**DocumentSchema().load(_body()))
        return jsonify(
            {
                "document_id": str(announced.document_id),
                "upload_url": f"{dependencies.settings.public_url}/uploads/{announced.token}",
                "upload_token": announced.token,
                "expires_in": announced.expires_in,
            }
        ), 201


def _add_reading(blueprint: Blueprint, dependencies: Dependencies) -> None:
    envelopes, links = dependencies.envelopes, dependencies.files

    @blueprint.get("/signing-requests")
    def list_requests() -> ResponseReturnValue:
        """List envelopes (section 6)."""
        listing = list_envelopes(dependencies.database, request.args.to_dict())
        pagination = {
            "current_page": listing.page,
            "page_size": listing.page_size,
            "total_count": listing.total,
            "total_pages": listing.pages,
        }
        results = [readback.listed(envelope, links) for envelope in listing.envelopes]
        return jsonify({"results": results, "pagination": pagination})

    @blueprint.get("/signing-requests/<envelope_id>")
    def get_request(envelope_id: str) -> ResponseReturnValue:
        """Return one envelope in full (section 5)."""
        return jsonify(readback.detail(envelopes.get(_id(envelope_id)), links))

    @blueprint.get("/signing-requests/<envelope_id>/users")
    def get_users(envelope_id: str) -> ResponseReturnValue:
        """Return the people of an envelope (section 7)."""
        envelope = envelopes.get(_id(envelope_id))
        failures = envelopes.mail_failures(envelope.id)
        return jsonify({"results": [readback.user(recipient, failures) for recipient in envelope.recipients]})

    @blueprint.get("/signing-requests/<envelope_id>/fields")
    def get_fields(envelope_id: str) -> ResponseReturnValue:
        """Return the fields of an envelope (section 8)."""
        envelope = envelopes.get(_id(envelope_id))
        return jsonify({"results": [readback.placed_field(field, envelope) for field in envelope.fields]})

    @blueprint.get("/signing-requests/<envelope_id>/reminders")
    def get_reminders(envelope_id: str) -> ResponseReturnValue:
        """Return the reminders, a bare array; there are none (section 10)."""
        envelopes.get(_id(envelope_id))
        return jsonify([])

    @blueprint.get("/signing-requests/<envelope_id>/audit")
    def get_audit(envelope_id: str) -> ResponseReturnValue:
        """Return what happened to an envelope, in order (section 11)."""
        entries = envelopes.audit_trail(_id(envelope_id))
        return jsonify({"results": [readback.audit_entry(entry) for entry in entries]})

    @blueprint.get("/signing-requests/<envelope_id>/download")
    def download(envelope_id: str) -> ResponseReturnValue:
        """Return where the document can be fetched (section 11)."""
        envelope = envelopes.get(_id(envelope_id))
        if envelope.status is EnvelopeStatus.FINISHED and envelope.sealed_at is None:
            answer, status = error_body(503, "generation_timeout")
            return answer, status, {"Retry-After": SEALING_RETRY_AFTER}
        return jsonify(readback.download(envelope, links))


def _add_ending(blueprint: Blueprint, dependencies: Dependencies) -> None:
    @blueprint.post("/signing-requests/<envelope_id>/cancel")
    def cancel(envelope_id: str) -> ResponseReturnValue:
        """End an open envelope (section 9)."""
        body = _content()
        wish = CancelSchema().load(_parsed(body) if body else {})
        done = dependencies.envelopes.cancel(
            _id(envelope_id), reason=wish["reason"], notify=wish["notify_signers"], ip_address=request.remote_addr
        )
        return jsonify(
            {
                "message": "Signing request cancelled",
                "signing_request_id": str(_id(envelope_id)),
                "cancelled_on": iso(done.cancelled_at),
                "notify_signers": wish["notify_signers"],
                "emails_sent": done.mails,
            }
        )

    @blueprint.post("/signing-requests/<envelope_id>/resend")
    def resend(envelope_id: str) -> ResponseReturnValue:
        """Mail those whose turn it is once more (section 10)."""
        wish = ResendSchema().load(_body())
        try:
            reminded = dependencies.reminders.send(
                _id(envelope_id),
                recipient_ids=wish["recipient_ids"],
                message=wish["custom_message"],
                ip_address=request.remote_addr,
            )
        except NotTheirTurn as refusal:
            details = {
                "current_order": refusal.current_order,
                "invalid_recipients": [readback.not_reminded(person) for person in refusal.recipients],
            }
            return error_body(409, str(refusal), code="INVALID_RECIPIENTS", details=details)
        return jsonify(
            {
                "message": "Reminder sent",
                "signing_request_id": str(_id(envelope_id)),
                "recipients_notified": len(reminded),
                "recipients_failed": 0,
                "recipients": [readback.reminded(person) for person in reminded],
            }
        )

    @blueprint.route("/signing-requests/<envelope_id>", methods=["PATCH", "PUT", "DELETE"])
    def change(envelope_id: str) -> ResponseReturnValue:
        """Refuse: only drafts can be changed or deleted, and here everything is sent (section 4)."""
        dependencies.envelopes.get(_id(envelope_id))
        return error_body(409, "A signing request that was sent cannot be changed or deleted.", code="ALREADY_SENT")

    @blueprint.post("/signing-requests/<envelope_id>/send")
    def send(envelope_id: str) -> ResponseReturnValue:
        """Refuse: it was sent when it was created (section 4)."""
        dependencies.envelopes.get(_id(envelope_id))
        return error_body(400, "Bad Request", message="The signing request has been sent already.")


def _body() -> Any:
    return _parsed(_content())


def _content() -> bytes:
    return read_body(limit=MAX_BODY_BYTES)


def _parsed(body: bytes) -> Any:
    try:
        return read_json(body)
    except ValueError as error:
        raise InvalidEnvelope(["The body is not valid JSON."]) from error


def _id(text: str) -> UUID:
    """Return the id in a path; one that is none cannot be found."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("There is no such signing request.") from error
