"""The base of all schemas, and the kinds of values that the contract knows (section 1)."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, ClassVar
from uuid import UUID

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.domain.clock import format_timestamp

RFC_3339 = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)([Zz]|[+ -]\d{2}:\d{2})", re.ASCII)

CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

#: C0 and C1 controls, the line and paragraph separators; and lone surrogates, which no encoding can carry.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LINE_BREAK = re.compile(r"\r?\n")
SURROGATE = re.compile("[\ud800-\udfff]")


def wire_name(name: str) -> str:
    """Return a name of ours as the wire has it: `render_id` is `renderId`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class WireSchema(Schema):
    """snake_case in Python, camelCase on the wire."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field on the wire."""
        if field_obj.data_key is None:
            field_obj.data_key = wire_name(field_name)


class AnswerSchema(WireSchema):
    """What we send. Every member is always there, perhaps null, but for those in `SOMETIMES`: they are left out."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        """Callers must expect members that are added later."""

        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field on the wire, and say in the API description whether it is always there."""
        super().on_bind_field(field_name, field_obj)
        field_obj.required = field_name not in self.SOMETIMES

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return what the fields say of an object, or of each of many.

        As the library does it, but it asks anew for every value where that is and what may be done to it, and a list
        has a thousand of them. Here a member of an object is an attribute of that name, and always there.
        """
        is_many = self.many if many is None else many
        return [self._say(each) for each in obj] if is_many else self._say(obj)

    def _say(self, obj: Any) -> dict[str, Any]:
        said = {}
        for name, attribute, serialize, is_always_there in self._members:
            value = getattr(obj, attribute) if attribute else None
            if serialize is not None and (value is not None or not attribute):
                value = serialize(value, attribute, obj)
            if is_always_there or value is not None:
                said[name] = value
        return said

    @cached_property
    def _members(self) -> list[tuple[str, str, Callable[..., Any] | None, bool]]:
        """Return the name of each member on the wire, its attribute (none if it is worked out), and how it is said."""
        return [
            (
                str(field.data_key),
                (field.attribute or name) if field._CHECK_ATTRIBUTE else "",  # noqa: SLF001 (the library's own flag)
                _how_to_say(field),
                name not in self.SOMETIMES,
            )
            for name, field in self.dump_fields.items()
        ]


def _how_to_say(field: fields.Field[Any]) -> Callable[..., Any] | None:
    """Return what makes JSON of a value that is there, given its place too; None where it is JSON already."""
    if type(field) in {fields.String, fields.Integer, fields.Boolean}:
        return None
    if isinstance(field, fields.List) and isinstance(field.inner, fields.Nested):
        say_all = partial(field.inner.schema.dump, many=True)
        return lambda value, *_: say_all(value)
    return field._serialize  # noqa: SLF001 (what the library has fields override)


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

    LARGEST = 999_999_999

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", str(value)):  # Up to `LARGEST`.
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


class PageQuerySchema(WireSchema):
    """The query of a list."""

    limit = QueryNumber(load_default=50, validate=validate.Range(min=1, max=100))
    cursor = Cursor()


#: What the API description says of values that a method works out.
URL = {"type": "string", "format": "uri"}
URL_OR_NULL = {"type": ["string", "null"], "format": "uri"}
COUNT_OR_NULL = {"type": ["integer", "null"], "minimum": 0}


class TextRule(validate.Validator):
    """A rule that text keeps. `pattern` says the same to JSON Schema, as far as its regular expressions can."""

    def __init__(self, is_kept: Callable[[str], bool], message: str, *, pattern: str | None = None) -> None:
        self.is_kept = is_kept
        self.message = message
        self.pattern = pattern

    def __call__(self, value: str) -> str:
        """Return the text; raise ValidationError when it breaks the rule."""
        if not self.is_kept(value):
            raise ValidationError(self.message)
        return value


PRINTABLE = TextRule(
    lambda value: not UNPRINTABLE.search(value),
    "Must not contain control characters.",
    pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$",
)
PRINTABLE_LINES = TextRule(
    lambda value: not UNPRINTABLE.search(LINE_BREAK.sub("", value)),
    "Must not contain control characters other than line breaks.",
    pattern=r"^([^\u0000-\u001f\u007f-\u009f\u2028\u2029]|\r?\n)*$",
)
ENCODABLE = TextRule(lambda value: not SURROGATE.search(value), "Must be valid Unicode text.")
NOT_BLANK = TextRule(lambda value: not value or bool(value.strip()), "Must not be blank.", pattern=r"^$|\S")


def text(*, longest: int, shortest: int = 1) -> list[validate.Validator]:
    """Accept printable text of that length that is more than white space; nothing is trimmed."""
    return [validate.Length(min=shortest, max=longest), PRINTABLE, NOT_BLANK]


def remark(*, longest: int) -> list[validate.Validator]:
    """Accept any printable text up to that length."""
    return [validate.Length(max=longest), PRINTABLE]


def letter(*, longest: int) -> list[validate.Validator]:
    """Accept printable text of several lines, up to that length."""
    return [validate.Length(max=longest), PRINTABLE_LINES]


def literal(*, longest: int) -> list[validate.Validator]:
    """Accept any text of that length that can be encoded."""
    return [validate.Length(min=1, max=longest), ENCODABLE]
