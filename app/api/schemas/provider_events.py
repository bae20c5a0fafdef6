"""The answer to an event from the signing service (contract section 6)."""

from marshmallow import fields

from app.api.schemas.base import AnswerSchema


class ProviderEventReceiptSchema(AnswerSchema):
    """The event is stored."""

    received = fields.Constant(True, metadata={"type": "boolean"})
