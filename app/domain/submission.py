"""What a caller asks to have signed: validated and defaulted, before the document has been looked at."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from app.domain.ports import EnvelopeField, EnvelopeRecipient

#: Hours until a request expires when the caller does not say (contract section 2).
DEFAULT_EXPIRATION_HOURS = 168


@dataclass(frozen=True, kw_only=True)
class AnchorTag:
    """A field to be placed wherever a text stands; `width` and `height` are points."""

    recipient_index: int
    type: str
    text: str
    width: float | None = None
    height: float | None = None
    required: bool = True
    ignore_if_not_present: bool = False


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A create request (contract section 3)."""

    render_id: UUID
    name: str
    recipients: tuple[EnvelopeRecipient, ...]
    fields: tuple[EnvelopeField, ...]
    anchors: tuple[AnchorTag, ...]
    expiration_hours: int

    def as_mapping(self) -> Mapping[str, Any]:
        """Return the whole as plain values, the base of the idempotency fingerprint."""
        return asdict(self)
