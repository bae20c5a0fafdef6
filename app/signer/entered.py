"""What others entered on a document before this person sees it: nobody shall sign what they were not shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.ports import Box
from app.signer.answers import CHECK_TYPES, CHECKED, DRAWN_PREFIX, RADIO, SIGNATURE_TYPES, TYPED_PREFIX
from app.signer.models import Field, Recipient


class Look(StrEnum):
    """How an entry looks on the page, as later on the signed document."""

    PICTURE = "picture"
    SIGNATURE = "signature"
    TICK = "tick"
    TEXT = "text"
    TEXT_AREA = "text_area"


@dataclass(frozen=True, kw_only=True)
class Entered:
    """An entry in its place; the value of a picture is its data URL."""

    box: Box
    look: Look
    value: str


def entered_by_others(recipient: Recipient) -> Iterator[Entered]:
    """Yield what stands on the document already: of those who have signed, and the sender's fixed texts."""
    for field in recipient.envelope.fields:
        if field.value and (field.read_only or field.recipient_id != recipient.id):
            look = _look(field, field.value)
            if look is not Look.TICK or field.value == CHECKED:
                value = field.value.removeprefix(TYPED_PREFIX) if look is Look.SIGNATURE else field.value
                yield Entered(box=_box(field), look=look, value=value)


def _box(field: Field) -> Box:
    return Box(page=field.page, x=field.x, y=field.y, width=field.width, height=field.height)


def _look(field: Field, value: str) -> Look:
    if field.type in SIGNATURE_TYPES:
        return Look.PICTURE if value.startswith(DRAWN_PREFIX) else Look.SIGNATURE
    if field.type in CHECK_TYPES or field.type == RADIO:
        return Look.TICK
    return Look.TEXT_AREA if field.type == "text_area" else Look.TEXT
