"""The signing form: which control stands for which field, and what a posted form says in the ceremony's words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from werkzeug.datastructures import MultiDict

from app.signer.answers import CHECK_TYPES, CHECKED, DATE_TYPES, DROPDOWN, MAX_LENGTH, RADIO, SIGNATURE_TYPES
from app.signer.ceremony import CeremonyField, CeremonyView

#: What a signature field posts: it takes the ink of its kind, which is posted once for the whole form.
ADOPTED = "adopted"

FormData = MultiDict[str, str]


class Control(StrEnum):
    """How a field is filled in on the page."""

    INK = "ink"
    TICK = "tick"
    RADIO = "radio"
    DATE = "date"
    DROPDOWN = "dropdown"
    TEXT = "text"
    TEXT_AREA = "text_area"


class Ink(StrEnum):
    """The two things a person draws or types once and then uses in many places."""

    SIGNATURE = "signature"
    INITIAL = "initial"

    @property
    def input_name(self) -> str:
        """Name of the hidden input that carries it."""
        return f"ink.{self}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A field as the page shows it: its control, what it holds, and what is wrong with that.

    `number` counts what there is to do, in reading order: radio buttons of one group have the same.
    """

    field: CeremonyField
    number: int
    control: Control
    ink: Ink | None
    value: str
    error: str | None

    @property
    def input_name(self) -> str:
        """Name of the form input; the radio buttons of a group share one."""
        return _input_name(self.field)

    @property
    def max_length(self) -> int | None:
        """How many characters a text may have."""
        return MAX_LENGTH.get(self.field.type)


def entries(view: CeremonyView, form: FormData, errors: Mapping[str, str]) -> tuple[Entry, ...]:
    """Return the fields in reading order, holding what `form` says (an empty one at first)."""
    ordered = sorted(view.fields, key=lambda field: (field.page, field.y, field.x))
    numbers: dict[str, int] = {}
    for field in ordered:
        numbers.setdefault(_step(field), len(numbers) + 1)
    return tuple(
        Entry(
            field=field,
            number=numbers[_step(field)],
            control=_control(field),
            ink=_ink(field),
            value=form.get(_input_name(field), ""),
            error=errors.get(field.id),
        )
        for field in ordered
    )


def earlier_form(view: CeremonyView) -> FormData:
    """Return the form as it was left at an earlier visit."""
    return MultiDict(
        {
            _input_name(field): field.id if field.type == RADIO else view.draft[field.id]
            for field in view.fields
            if field.id in view.draft
        }
    )


def read_answers(view: CeremonyView, form: FormData) -> dict[str, str]:
    """Return what was entered by field id, in the ceremony's words; a field left alone is absent."""
    return {field_id: value for field_id, value in _answers(view, form) if value}


def _answers(view: CeremonyView, form: FormData) -> Iterator[tuple[str, str]]:
    for field in view.fields:
        value = form.get(_input_name(field), "")
        ink = _ink(field)
        if ink:
            yield field.id, form.get(ink.input_name, "") if value == ADOPTED else ""
        elif field.type == RADIO:
            yield field.id, CHECKED if value == field.id else ""
        else:
            yield field.id, value


def _input_name(field: CeremonyField) -> str:
    return f"group.{field.group}" if field.type == RADIO and field.group else f"field.{field.id}"


def _step(field: CeremonyField) -> str:
    return f"{field.type} {field.group}" if field.group and field.type in CHECK_TYPES | {RADIO} else field.id


def _ink(field: CeremonyField) -> Ink | None:
    if field.type not in SIGNATURE_TYPES:
        return None
    return Ink.INITIAL if field.type == "initial" else Ink.SIGNATURE


def _control(field: CeremonyField) -> Control:
    if field.type in SIGNATURE_TYPES:
        return Control.INK
    if field.type in CHECK_TYPES:
        return Control.TICK
    if field.type in DATE_TYPES:
        return Control.DATE
    return {RADIO: Control.RADIO, DROPDOWN: Control.DROPDOWN, "text_area": Control.TEXT_AREA}.get(
        field.type, Control.TEXT
    )
