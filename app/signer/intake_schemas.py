"""The wire shape of create-and-send: limits and defaults of each member (provider fact sheet, sections 2.1 to 2.5)."""

import base64
import binascii
from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address
from typing import Any

from marshmallow import ValidationError, fields, pre_load
from marshmallow.validate import Length, OneOf, Range

from app.domain.ports import Designation
from app.signer.answers import FIELD_TYPES
from app.signer.schemas import Switch, TolerantSchema, not_blank, one_line

DEFAULT_EXPIRATION_HOURS = 168
#: Ten years; more would run into the end of the calendar.
MAX_EXPIRATION_HOURS = 87_600
MAX_FIELDS = 2000
MAX_ANCHORS = 100
MAX_RECIPIENTS = 100
TEMPORARY_PREFIX = "temp_"

#: Other spellings of types (section 2.3).
ALIASES = {"initials": "initial", "textarea": "text_area", "radio": "radio_buttons"}


def _mailable(value: str) -> None:
    try:
        Address(addr_spec=value)
    except (MessageError, ValueError, IndexError) as error:  # what the parser raises for its various reasons
        raise ValidationError("Not a valid email address.") from error


class FieldType(fields.String):
    """A type in any case and spelling, as our own word for it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        word = super()._deserialize(value, attr, data, **kwargs).lower()
        word = ALIASES.get(word, word)
        if word not in FIELD_TYPES:
            raise ValidationError("This type of field is not supported.")
        return word


class PdfBytes(fields.Field[bytes]):
    """A PDF in base64."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        text = fields.String().deserialize(value, attr, data, **kwargs)
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValidationError("Not valid base64.") from error


class SettingsSchema(TolerantSchema):
    """The switches that this service obeys (section 2.5); others are ignored."""

    use_signing_order = Switch(load_default=True)
    allow_download = Switch(load_default=True)
    attach_pdf_on_finish = Switch(load_default=True)
    send_signing_email = Switch(load_default=True)
    send_finish_email = Switch(load_default=True)
    send_expiration_email = Switch(load_default=True)
    send_cancellation_email = Switch(load_default=True)
    #: Null leaves it to the account, and here that is no code.
    require_otp_verification = Switch(allow_none=True, load_default=None)
    hand_drawn_only = Switch(load_default=False)


class RecipientSchema(TolerantSchema):
    """A person (section 2.2). `custom_fields` and the postal address are kept and given back."""

    id = fields.String(allow_none=True, load_default=None)
    first_name = fields.String(required=True, validate=[Length(1, 100), not_blank, one_line])
    last_name = fields.String(allow_none=True, load_default=None, validate=[Length(max=100), one_line])
    email = fields.String(required=True, validate=[Length(1, 255), one_line, _mailable])
    designation = fields.Enum(Designation, by_value=True, required=True)
    order = fields.Integer(strict=True, allow_none=True, load_default=None, validate=Range(min=0, max=1_000_000))
    phone_number = fields.String(allow_none=True, validate=Length(max=50))
    street_address = fields.String(allow_none=True, validate=Length(max=255))
    city = fields.String(allow_none=True, validate=Length(max=100))
    state_province = fields.String(allow_none=True, validate=Length(max=100))
    postal_code = fields.String(allow_none=True, validate=Length(max=20))
    country = fields.String(allow_none=True, validate=Length(max=100))
    title = fields.String(allow_none=True, validate=Length(max=100))
    company = fields.String(allow_none=True, validate=Length(max=255))
    custom_fields = fields.Dict(keys=fields.String(), allow_none=True)


class PositionSchema(TolerantSchema):
    """A box in percent of the page, origin top-left."""

    x = fields.Float(required=True, allow_nan=False, validate=Range(0, 100))
    y = fields.Float(required=True, allow_nan=False, validate=Range(0, 100))
    width = fields.Float(required=True, validate=Range(0, 100, min_inclusive=False))
    height = fields.Float(required=True, validate=Range(0, 100, min_inclusive=False))


class _PlacedSchema(TolerantSchema):
    """What fields and anchors share. What they do not know of an anchor is named in the answer's warnings."""

    type = FieldType(required=True)
    read_only = Switch(load_default=False)
    read_only_value = fields.String(allow_none=True, load_default=None, validate=Length(max=10_000))
    variable_name = fields.String(allow_none=True, load_default=None, validate=Length(max=255))
    dropdown_options = fields.List(
        fields.String(validate=[Length(1, 200), one_line]), allow_none=True, load_default=None, validate=Length(1, 100)
    )
    multi_group_id = fields.UUID(allow_none=True, load_default=None)


class FieldSchema(_PlacedSchema):
    """A field in the nested form; the flat one has no certain unit and is refused (sections 2.3 and 18)."""

    recipient_id = fields.String(required=True)
    page_number = fields.Integer(strict=True, required=True, validate=Range(min=1))
    position = fields.Nested(PositionSchema, required=True)
    required = Switch(load_default=False)


class AnchorSchema(_PlacedSchema):
    """A field at every place, or the n-th, where a text stands (section 2.4). Sizes are percent of the page."""

    anchor_string = fields.String(required=True, validate=[Length(1, 200), not_blank])
    recipient_id = fields.Raw(required=True)
    width = fields.Float(allow_none=True, load_default=None, validate=Range(0, 100, min_inclusive=False))
    height = fields.Float(allow_none=True, load_default=None, validate=Range(0, 100, min_inclusive=False))
    x_offset = fields.Float(load_default=0.0)
    y_offset = fields.Float(load_default=0.0)
    offset_units = fields.String(load_default="percent", validate=OneOf(["percent", "pixels"]))
    occurrence = fields.Integer(strict=True, load_default=0, validate=Range(0, 1000))
    case_sensitive = Switch(load_default=False)
    match_whole_word = Switch(load_default=True)
    ignore_if_not_present = Switch(load_default=False)
    remove_anchor_text = Switch(load_default=True)
    required = Switch(load_default=True)


class EnvelopeSchema(TolerantSchema):
    """The whole body. What only the document or other members can tell is checked afterwards."""

    name = fields.String(required=True, validate=[Length(1, 255), not_blank, one_line])
    description = fields.String(allow_none=True, load_default=None, validate=Length(max=5000))
    document = PdfBytes(allow_none=True, load_default=None)
    document_id = fields.UUID(allow_none=True, load_default=None)
    template_id = fields.Raw(allow_none=True, load_default=None)
    expiration_hours = fields.Integer(
        strict=True, load_default=DEFAULT_EXPIRATION_HOURS, validate=Range(1, MAX_EXPIRATION_HOURS)
    )
    recipients = fields.List(fields.Nested(RecipientSchema), required=True, validate=Length(1, MAX_RECIPIENTS))
    fields_ = fields.List(
        fields.Nested(FieldSchema), data_key="fields", load_default=list, validate=Length(max=MAX_FIELDS)
    )
    anchor_tags = fields.List(fields.Nested(AnchorSchema), load_default=list, validate=Length(max=MAX_ANCHORS))
    settings = fields.Nested(SettingsSchema, load_default=lambda: SettingsSchema().load({}))

    @pre_load
    def _without_nulls(self, data: Any, **_: Any) -> Any:
        """Take a null list or setting for none."""
        if not isinstance(data, Mapping):
            return data
        optional = ("fields", "anchor_tags", "expiration_hours", "settings")
        return {name: value for name, value in data.items() if value is not None or name not in optional}
