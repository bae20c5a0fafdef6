"""What the schemas of the provider's protocol share."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from app.signer.text import holds_control


class TolerantSchema(Schema):
    """A schema that ignores what it does not know, as the provider does."""

    class Meta:
        """Unknown members are left out."""

        unknown = EXCLUDE


class Switch(fields.Boolean):
    """A boolean of JSON; words and other numbers are refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(truthy={True}, falsy={False}, **options)


def one_line(value: str) -> None:
    """Accept what fits on one line."""
    if holds_control(value):
        raise ValidationError("Control characters are not allowed.")


def not_blank(value: str) -> None:
    """Accept what is more than white space."""
    if not value.strip():
        raise ValidationError("Must not be blank.")
