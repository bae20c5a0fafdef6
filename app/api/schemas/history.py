"""The history of a request on the wire."""

from marshmallow import fields
from marshmallow.validate import OneOf, Range

from app.api.schemas.base import AnswerSchema, QueryNumber, Timestamp, WireSchema
from app.api.schemas.signatures import VISIBLE, RecipientSchema
from app.domain.history import TYPE_BY_ACTION, Actor, actor_of


class HistoryQuerySchema(WireSchema):
    """The query of a history. `cursor` is the `sequence` of the last event that the caller has."""

    limit = QueryNumber(load_default=50, validate=Range(min=1, max=100))
    cursor = QueryNumber(load_default=0)


class HistoryEventSchema(AnswerSchema):
    """One thing that happened. `recipient` is who acted or was written to, if that is known, as they are named now."""

    sequence = fields.Integer()
    at = Timestamp()
    type = fields.Function(
        lambda entry: TYPE_BY_ACTION[entry.action], metadata={"enum": sorted(TYPE_BY_ACTION.values()), "type": "string"}
    )
    #: The request's after it.
    status = fields.String(attribute="to_status", validate=OneOf(VISIBLE))
    by = fields.Function(
        lambda entry: actor_of(entry.action, entry.cause), metadata={"enum": [*Actor], "type": "string"}
    )
    recipient = fields.Nested(RecipientSchema, allow_none=True)
    reason = fields.String(allow_none=True)


class HistorySchema(AnswerSchema):
    """A page of a request's history, newest last."""

    events = fields.List(fields.Nested(HistoryEventSchema), attribute="rows")
    next_cursor = fields.Integer(allow_none=True)
    has_more = fields.Boolean()
