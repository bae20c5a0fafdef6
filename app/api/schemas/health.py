"""The server's health on the wire (contract section 3)."""

from marshmallow import fields
from marshmallow.validate import OneOf

from app.api.schemas.base import AnswerSchema


class HealthSchema(AnswerSchema):
    """Whether the server can do its work, and the outcome of each check."""

    status = fields.Function(
        lambda found: "ok" if found.is_ok else "degraded", metadata={"enum": ["ok", "degraded"], "type": "string"}
    )
    version = fields.String()
    checks = fields.Dict(keys=fields.String(), values=fields.String(validate=OneOf(["ok", "error"])))
