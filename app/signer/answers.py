"""What a signer may enter into each kind of field, and the check of it. The wire is the signing page's form."""

import base64
import binascii
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from app.signer.languages import tell as _
from app.signer.models import Field
from app.signer.text import holds_control, is_blank

#: A drawn or uploaded signature, as the page sends it.
DRAWN_PREFIX = "data:image/png;base64,"
#: A signature that was typed, as the page sends it.
TYPED_PREFIX = "typed:"

SIGNATURE_TYPES = frozenset({"signature", "initial", "approval_signature"})
CHECK_TYPES = frozenset({"checkbox", "approval_checkmark"})
DATE_TYPES = frozenset({"date", "approval_date"})
RADIO = "radio_buttons"
DROPDOWN = "dropdown"
APPROVAL_TYPES = frozenset({"approval_signature", "approval_checkmark", "approval_date"})
FIELD_TYPES = SIGNATURE_TYPES | CHECK_TYPES | DATE_TYPES | {RADIO, DROPDOWN, "text", "text_area", "url"}

CHECKED = "true"
MAX_DRAWN_BYTES = 300_000
MAX_TYPED = 100
#: Ticks, dates and the options of a drop-down are short.
MAX_CHOICE = 1000
MAX_LENGTH = {"text": 1000, "url": 2000, "text_area": 5000}

#: Draws a PNG from a stranger anew; None when it cannot be read, is too large or shows nothing.
Redraw = Callable[[bytes], bytes | None]


class InvalidAnswers(Exception):
    """What was entered cannot be accepted: a message for each field by id, and for the whole form."""

    def __init__(
        self, *, field_errors: Mapping[str, str] | None = None, form_errors: Collection[str] | None = None
    ) -> None:
        super().__init__("What was entered cannot be accepted.")
        self.field_errors = dict(field_errors or {})
        self.form_errors = list(form_errors or [])


class _Wrong(Exception):
    """One value is wrong; the message is for the signer."""


def check_answers(
    fields: Iterable[Field], values: Mapping[str, str], *, consent: bool, redraw: Redraw
) -> dict[str, str | None]:
    """Return the value to store for each field id; raise InvalidAnswers naming everything that is wrong."""
    redraw = lru_cache(maxsize=2)(redraw)  # a signature and initials, each adopted in many places
    open_fields = [field for field in fields if not field.read_only]
    known = {str(field.id) for field in open_fields}
    form_errors = [] if consent else [_("Please agree to sign electronically.")]
    if not set(values) <= known:
        form_errors.append(_("The form holds a field that is not yours."))
    field_errors: dict[str, str] = {}
    accepted: dict[str, str | None] = {}
    for field in open_fields:
        try:
            accepted[str(field.id)] = _check(field, values.get(str(field.id), ""), redraw)
        except _Wrong as wrong:
            field_errors[str(field.id)] = str(wrong)
    field_errors |= _check_groups(open_fields, accepted)
    if field_errors or form_errors:
        raise InvalidAnswers(field_errors=field_errors, form_errors=form_errors)
    return accepted


def draft_of(fields: Iterable[Field], values: Mapping[str, str]) -> dict[str, Any]:
    """Return what can be kept of answers that need not be right yet: no signatures, nothing longer than a field."""
    return {
        str(field.id): value
        for field in fields
        if field.type not in SIGNATURE_TYPES
        and 0 < len(value := values.get(str(field.id), "")) <= MAX_LENGTH.get(field.type, MAX_CHOICE)
    }


def decode_drawn(value: str) -> bytes:
    """Return the PNG of a drawn signature; raise ValueError when it is none."""
    try:
        content = base64.b64decode(value.removeprefix(DRAWN_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or len(content) > MAX_DRAWN_BYTES:
        raise ValueError("not a PNG of acceptable size")
    return content


def _check(field: Field, value: str, redraw: Redraw) -> str | None:
    if field.type in SIGNATURE_TYPES:
        return _check_signature(field, value, redraw)
    value = value.replace("\r\n", "\n")
    if is_blank(value):
        if field.required and field.group is None:
            raise _Wrong(_("This field is required."))
        return None
    if field.type in CHECK_TYPES or field.type == RADIO:
        if value != CHECKED:
            raise _Wrong(_("This can only be chosen or left alone."))
    elif field.type in DATE_TYPES:
        _check_date(value)
    elif field.type == DROPDOWN:
        if value not in field.options:
            raise _Wrong(_("Please choose one of the options."))
    else:
        _check_text(field, value)
    return value


def _check_signature(field: Field, value: str, redraw: Redraw) -> str | None:
    if not value:
        if field.required:
            raise _Wrong(_("Please sign here."))
        return None
    if value.startswith(TYPED_PREFIX):
        typed = value.removeprefix(TYPED_PREFIX).strip()
        if is_blank(typed) or len(typed) > MAX_TYPED or holds_control(typed):
            raise _Wrong(_("Please type a name of at most %(limit)s characters.", limit=MAX_TYPED))
        return TYPED_PREFIX + typed
    if not value.startswith(DRAWN_PREFIX):
        raise _Wrong(_("Please draw, type or upload your signature."))
    try:
        content = decode_drawn(value)
    except ValueError as error:
        raise _Wrong(_("This picture cannot be used; please make it again.")) from error
    clean = redraw(content)
    if clean is None:
        raise _Wrong(_("The signature is empty; please make it again."))
    return DRAWN_PREFIX + base64.b64encode(clean).decode()


def _check_date(value: str) -> None:
    try:
        parsed = date.fromisoformat(value)
    except ValueError as error:
        raise _Wrong(_("Please enter a date.")) from error
    if parsed.isoformat() != value:
        raise _Wrong(_("Please enter a date."))


def _check_text(field: Field, value: str) -> None:
    limit = MAX_LENGTH[field.type]
    if len(value) > limit:
        raise _Wrong(_("At most %(limit)s characters, please.", limit=limit))
    allowed = value.replace("\n", "").replace("\t", "") if field.type == "text_area" else value
    if holds_control(allowed):
        raise _Wrong(_("This holds characters that cannot be printed."))


def _check_groups(fields: Iterable[Field], accepted: Mapping[str, str | None]) -> dict[str, str]:
    """One radio button of a group is chosen, no more; a required group of check boxes has at least one tick."""
    groups: dict[object, list[Field]] = {}
    for field in fields:
        if field.group is not None and (field.type == RADIO or field.type in CHECK_TYPES):
            groups.setdefault(field.group, []).append(field)
    errors: dict[str, str] = {}
    for members in groups.values():
        chosen = [field for field in members if accepted.get(str(field.id)) == CHECKED]
        if any(field.required for field in members) and not chosen:
            errors[str(members[0].id)] = _("Please choose one of these.")
        if len(chosen) > 1 and members[0].type == RADIO:
            errors[str(members[0].id)] = _("Please choose only one of these.")
    return errors
