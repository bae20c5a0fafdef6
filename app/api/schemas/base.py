"""The base of all schemas, and the kinds of values that the contract knows (section 1)."""

import math
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

from app.domain.clock import format_timestamp

RFC_3339 = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)([Zz]|[+ -]\d{2}:\d{2})", re.ASCII)

CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

#: C0 and C1 controls, the line and paragraph separators; and lone surrogates, which no encoding can carry.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
SURROGATE = re.compile("[\ud800-\udfff]")


class WireSchema(Schema):
    """snake_case in Python, camelCase on the wire."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field on the wire."""
        if field_obj.data_key is None:
            first, *rest = field_name.split("_")
            field_obj.data_key = first + "".join(word.capitalize() for word in rest)


class Identifier(fields.UUID):
    """A UUID in its one textual form (RFC 9562 section 4), in either case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UUID:
        if not isinstance(value, str) or not CANONICAL_UUID.fullmatch(value):
            raise self.make_error("invalid_uuid")
        return super()._deserialize(value, attr, data, **kwargs)


class Timestamp(fields.Field[datetime]):
    """A time as the wire carries it: ISO 8601, UTC, milliseconds, `Z`."""

    def _serialize(self, value: datetime | None, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else format_timestamp(value)


class Cursor(fields.Field[datetime]):
    """A time with any offset; one is required (RFC 3339 section 5.6). A `+` decoded to a space is accepted."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime:
        match = RFC_3339.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValidationError("Must be an RFC 3339 time with an offset, such as 2026-06-05T10:00:00.000Z.")
        date, time, offset = match.groups()
        offset = "+00:00" if offset in "Zz" else offset.replace(" ", "+")
        try:
            return datetime.fromisoformat(f"{date}T{time}{offset}").astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Not a time that exists.") from error


class WholeNumber(fields.Integer):
    """An integer of JSON. `24.0` is that integer; `1.5`, `true` and `"1"` are refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        is_whole_float = isinstance(value, float) and value.is_integer()
        if isinstance(value, bool) or not (isinstance(value, int) or is_whole_float):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(int(value), attr, data, **kwargs)


class QueryNumber(fields.Integer):
    """An integer in a query string: digits alone."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", str(value)):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Number(fields.Float):
    """A finite number of JSON; strings and booleans are refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            raise self.make_error("special", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class TrueOrFalse(fields.Boolean):
    """A boolean of JSON; `"true"` and `1` are refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


def text(*, longest: int, shortest: int = 1) -> validate.And:
    """Accept printable text of that length that is more than white space; nothing is trimmed."""
    return validate.And(validate.Length(min=shortest, max=longest), _printable, _not_blank)


def remark(*, longest: int) -> validate.And:
    """Accept any printable text up to that length."""
    return validate.And(validate.Length(max=longest), _printable)


def literal(*, longest: int) -> validate.And:
    """Accept any text of that length that can be encoded."""
    return validate.And(validate.Length(min=1, max=longest), _encodable)


def _printable(value: str) -> None:
    if UNPRINTABLE.search(value):
        raise ValidationError("Must not contain control characters.")


def _encodable(value: str) -> None:
    if SURROGATE.search(value):
        raise ValidationError("Must be valid Unicode text.")


def _not_blank(value: str) -> None:
    if value and not value.strip():
        raise ValidationError("Must not be blank.")
