"""What apispec cannot know of our own fields and validators."""

from collections.abc import Iterator
from typing import Any

from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask_smorest import Api
from marshmallow import fields, validate

from app.api.schemas.base import Cursor, QueryNumber, TextRule, Timestamp

#: A time as `Timestamp` writes it; narrower than the format says.
UTC_MILLISECONDS = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"


class DescribedApi(Api):
    """Collects what the blueprints' schemas say; the rest of the description is added when it is asked for."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        converter = self.ma_plugin.converter
        # What comes in and what goes out have schemas of their own, so this says nothing.
        converter.attribute_functions.remove(converter.field2read_only)
        converter.add_attribute_function(describe_text)
        converter.add_attribute_function(describe_time)
        converter.add_attribute_function(describe_range)


def describe_text(_converter: OpenAPIConverter, field: fields.Field[Any], **_kwargs: Any) -> dict[str, Any]:
    """Say which patterns and formats a text must have."""
    described: dict[str, Any] = {}
    if any(isinstance(each, validate.Email) for each in field.validators):
        described["format"] = "email"
    patterns = list(_patterns(field))
    if len(patterns) == 1:
        described["pattern"] = patterns[0]
    elif patterns:
        described["allOf"] = [{"pattern": pattern} for pattern in patterns]
    return described


def _patterns(field: fields.Field[Any]) -> Iterator[str]:
    for each in field.validators:
        if isinstance(each, TextRule) and each.pattern is not None:
            yield each.pattern


def describe_time(_converter: OpenAPIConverter, field: fields.Field[Any], **_kwargs: Any) -> dict[str, Any]:
    """Say what a time looks like."""
    if isinstance(field, Cursor):
        return {"type": "string", "format": "date-time"}
    if isinstance(field, Timestamp):
        return {
            "type": ["string", "null"] if field.allow_none else "string",
            "format": "date-time",
            "pattern": UTC_MILLISECONDS,
        }
    return {}


def describe_range(
    _converter: OpenAPIConverter, field: fields.Field[Any], *, ret: dict[str, Any], **_kwargs: Any
) -> dict[str, Any]:
    """Say what numbers of a query can be, and turn a limit that is itself refused into an exclusive one."""
    if isinstance(field, QueryNumber):
        return {"minimum": 0, "maximum": QueryNumber.LARGEST, **ret}
    for each in field.validators:
        if isinstance(each, validate.Range) and each.min is not None and not each.min_inclusive:
            return {"exclusiveMinimum": ret.pop("minimum")}
    return {}
