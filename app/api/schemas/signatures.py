"""Signature requests on the wire (contract sections 2 and 3)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import fields, validate
from marshmallow.validate import Length, OneOf, Range

from app.api.deps import public_url
from app.api.schemas.base import (
    URL_OR_NULL,
    AnswerSchema,
    Cursor,
    Identifier,
    Number,
    PageQuerySchema,
    Timestamp,
    TrueOrFalse,
    WholeNumber,
    WireSchema,
    letter,
    literal,
    remark,
    text,
)
from app.domain.lifecycle import Status
from app.domain.ports import Designation, EnvelopeField, EnvelopeRecipient
from app.domain.submission import DEFAULT_EXPIRATION_HOURS, AnchorTag, Submission

FIELD_TYPES = ("signature", "initial", "text", "date", "checkbox", "dropdown", "radio_buttons", "text_area")
#: What a list can be filtered by: every status that the wire shows.
VISIBLE = tuple(status.value for status in Status if status is not Status.CREATING)
ANCHOR_TYPES = ("signature", "initials", "text", "date", "checkbox")

PERCENT = Range(min=0, max=100)
PERCENT_SIZE = Range(min=0, max=100, min_inclusive=False)
POINTS_SIZE = Range(min=0, max=1000, min_inclusive=False)


class RecipientCreateSchema(WireSchema):
    """A person to be asked."""

    first_name = fields.String(required=True, validate=text(longest=100))
    last_name = fields.String(validate=text(shortest=0, longest=100))
    email = fields.String(required=True, validate=[*text(longest=255), validate.Email()])
    designation = fields.String(load_default=Designation.SIGNER.value, validate=OneOf([*Designation]))
    order = WholeNumber(validate=Range(min=1))


class FieldCreateSchema(WireSchema):
    """A field at a place. Percent of the displayed page, origin top-left; pages count from 1."""

    recipient_index = WholeNumber(required=True, validate=Range(min=0))
    type = fields.String(required=True, validate=OneOf(FIELD_TYPES))
    page = WholeNumber(required=True, validate=Range(min=1))
    x = Number(required=True, validate=PERCENT)
    y = Number(required=True, validate=PERCENT)
    width = Number(validate=PERCENT_SIZE)
    height = Number(validate=PERCENT_SIZE)
    required = TrueOrFalse(load_default=True)
    options = fields.List(fields.String(validate=text(longest=200)), validate=Length(min=1, max=100))
    group = fields.String(validate=text(longest=100))


class AnchorTagCreateSchema(WireSchema):
    """A field wherever a text stands; width and height are points."""

    anchor_string = fields.String(required=True, validate=literal(longest=200))
    type = fields.String(required=True, validate=OneOf(ANCHOR_TYPES))
    recipient_index = WholeNumber(required=True, validate=Range(min=0))
    width = Number(validate=POINTS_SIZE)
    height = Number(validate=POINTS_SIZE)
    required = TrueOrFalse(load_default=True)
    ignore_if_not_present = TrueOrFalse(load_default=False)


class SignatureCreateSchema(WireSchema):
    """The body of a create. Rules across members are in `domain/submission.py`."""

    render_id = Identifier(required=True)
    name = fields.String(validate=text(longest=255))
    recipients = fields.List(fields.Nested(RecipientCreateSchema), required=True, validate=Length(min=1, max=20))
    fields_ = fields.List(
        fields.Nested(FieldCreateSchema), data_key="fields", load_default=list, validate=Length(max=200)
    )
    anchor_tags = fields.List(fields.Nested(AnchorTagCreateSchema), load_default=list, validate=Length(max=200))
    expiration_hours = WholeNumber(load_default=DEFAULT_EXPIRATION_HOURS, validate=Range(min=1, max=8760))
    require_code = TrueOrFalse(load_default=False)


class SignatureCancelSchema(WireSchema):
    """The optional body of a cancel."""

    reason = fields.String(validate=remark(longest=500))


class SignatureRemindSchema(WireSchema):
    """The optional body of a reminder. `recipientIds` are the ids that the request shows."""

    recipient_ids = fields.List(
        fields.String(validate=text(longest=255)), load_default=list, validate=Length(min=1, max=20)
    )
    message = fields.String(validate=letter(longest=1000))


class SignatureQuerySchema(PageQuerySchema):
    """The query of a list. `status` may be given several times; both times are exclusive."""

    render_id = Identifier()
    status = fields.List(fields.String(validate=OneOf(VISIBLE)), load_default=list)
    created_after = Cursor()
    created_before = Cursor()


class RecipientSchema(AnswerSchema):
    """A person on a request; `id` is the provider's. A time is there once that happened."""

    SOMETIMES = frozenset({"last_name", "signed_at", "declined_at"})

    id = fields.String(attribute="provider_id", allow_none=True)
    first_name = fields.String()
    last_name = fields.String()
    email = fields.String()
    designation = fields.String(validate=OneOf([*Designation]))
    order = fields.Integer()
    signed_at = Timestamp()
    declined_at = Timestamp()


class SignatureSchema(AnswerSchema):
    """A signature request; all eleven members are always there."""

    id = fields.UUID()
    render_id = fields.UUID()
    name = fields.String()
    status = fields.String(validate=OneOf(VISIBLE))
    recipients = fields.List(fields.Nested(RecipientSchema))
    expiration_hours = fields.Integer()
    signed_download_url = fields.Method("_signed_download_url", metadata=URL_OR_NULL)
    certificate_url = fields.Method("_certificate_url", metadata=URL_OR_NULL)
    error_message = fields.String(allow_none=True)
    created_at = Timestamp()
    completed_at = Timestamp(allow_none=True)

    def _signed_download_url(self, request: Any) -> str | None:
        return self._url(request, "download", request.signed_file_id)

    def _certificate_url(self, request: Any) -> str | None:
        return self._url(request, "certificate", request.certificate_file_id)

    def _url(self, request: Any, path: str, file_id: UUID | None) -> str | None:
        is_here = file_id is not None and request.erased_at is None
        return public_url(f"/v1/signatures/{request.id}/{path}") if is_here else None


class SignatureListSchema(AnswerSchema):
    """A page of requests, newest first."""

    signatures = fields.List(fields.Nested(SignatureSchema), attribute="rows")
    next_cursor = Timestamp(allow_none=True)
    has_more = fields.Boolean()


def to_submission(body: Mapping[str, Any]) -> Submission:
    """Turn a loaded create body into what the service takes; gaps in `order` are filled with the array position."""
    render_id = body["render_id"]
    return Submission(
        render_id=render_id,
        name=body.get("name", f"Signature request {str(render_id)[:8]}"),
        recipients=tuple(
            EnvelopeRecipient(
                first_name=person["first_name"],
                last_name=person.get("last_name"),
                email=person["email"],
                designation=Designation(person["designation"]),
                order=person.get("order", position),
            )
            for position, person in enumerate(body["recipients"], start=1)
        ),
        fields=tuple(
            EnvelopeField(**{**field, "options": tuple(field["options"]) if "options" in field else None})
            for field in body["fields_"]
        ),
        anchors=tuple(
            AnchorTag(text=tag["anchor_string"], **{key: value for key, value in tag.items() if key != "anchor_string"})
            for tag in body["anchor_tags"]
        ),
        expiration_hours=body["expiration_hours"],
        require_code=body["require_code"],
    )
