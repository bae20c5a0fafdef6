"""Webhooks on the wire (contract section 5)."""

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from app.api.schemas.base import (
    URL,
    AnswerSchema,
    PageQuerySchema,
    Timestamp,
    TrueOrFalse,
    WireSchema,
    remark,
)
from app.domain.events import TEST_EVENT, Event
from app.domain.ports import WebhookFault
from app.models import DeliveryStatus, SwitchOffReason


class WebhookChangeSchema(WireSchema):
    """What can be changed of a subscription; what is left out stays as it is."""

    url = fields.String()
    events = fields.List(fields.String(validate=OneOf([*Event])), validate=Length(min=1))
    active = TrueOrFalse()
    description = fields.String(allow_none=True, validate=remark(longest=255))


class WebhookCreateSchema(WebhookChangeSchema):
    """The body of a create."""

    url = fields.String(required=True)
    events = fields.List(fields.String(validate=OneOf([*Event])), required=True, validate=Length(min=1))


class WebhookActionSchema(WireSchema):
    """The body of what needs none: nothing, or an empty object."""


class WebhookDeliveryQuerySchema(PageQuerySchema):
    """The query of a list of deliveries."""

    status = fields.Enum(DeliveryStatus, by_value=True)


class WebhookSchema(AnswerSchema):
    """A subscription, without its secret."""

    id = fields.UUID()
    url = fields.String(metadata=URL)
    events = fields.List(fields.String(validate=OneOf([*Event])))
    active = fields.Boolean()
    description = fields.String(allow_none=True)
    created_at = Timestamp()
    failing_since = Timestamp(allow_none=True)
    disabled_at = Timestamp(allow_none=True)
    disabled_reason = fields.String(allow_none=True, validate=OneOf([*SwitchOffReason]))


class WebhookWithSecretSchema(WebhookSchema):
    """A subscription with its secret: shown when it is made, and never again."""

    secret = fields.String()


class WebhookListSchema(AnswerSchema):
    """A page of subscriptions, newest first."""

    webhooks = fields.List(fields.Nested(WebhookSchema), attribute="rows")
    next_cursor = Timestamp(allow_none=True)
    has_more = fields.Boolean()


class WebhookDeliverySchema(AnswerSchema):
    """An event on its way to one subscription."""

    id = fields.UUID()
    webhook_id = fields.UUID(attribute="subscription_id")
    signature_request_id = fields.UUID(attribute="request_id", allow_none=True)
    event = fields.String(validate=OneOf([*Event, TEST_EVENT]))
    status = fields.String(validate=OneOf([*DeliveryStatus]))
    attempt_count = fields.Integer(attribute="attempts_made")
    next_attempt_at = Timestamp(attribute="due_at", allow_none=True)
    created_at = Timestamp()
    finished_at = Timestamp(allow_none=True)


class WebhookDeliveryListSchema(AnswerSchema):
    """A page of deliveries, newest first."""

    deliveries = fields.List(fields.Nested(WebhookDeliverySchema), attribute="rows")
    next_cursor = Timestamp(allow_none=True)
    has_more = fields.Boolean()


class WebhookAttemptSchema(AnswerSchema):
    """One attempt; `answer` is the first 1 KiB of what came back."""

    number = fields.Integer()
    at = Timestamp()
    status = fields.Integer(allow_none=True)
    error = fields.String(allow_none=True, validate=OneOf([*WebhookFault]))
    duration_ms = fields.Integer()
    answer = fields.String()


class WebhookDeliveryDetailSchema(WebhookDeliverySchema):
    """A delivery with the text that is sent, and all attempts at it."""

    body = fields.Function(lambda delivery: delivery.body.decode(), metadata={"type": "string"})
    attempts = fields.List(fields.Nested(WebhookAttemptSchema), attribute="history")
