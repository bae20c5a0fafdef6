"""What a caller asks to have signed: validated and defaulted, before the document has been looked at."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any
from uuid import UUID

from app.domain.errors import InvalidRequest
from app.domain.ports import Designation, EnvelopeField, EnvelopeRecipient

#: Hours until a request expires when the caller does not say (contract section 2).
DEFAULT_EXPIRATION_HOURS = 168

#: What an approver can be asked for (provider fact sheet, section 18).
APPROVER_TYPES = frozenset({"signature", "checkbox", "date"})

#: Sums of decimal percentages miss 100 by less than this.
ROUNDING = 1e-9

#: Percent.
WHOLE_PAGE = 100


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
    #: Whether each person has to enter a code from an e-mail before they see the document.
    require_code: bool = False

    def as_mapping(self) -> Mapping[str, Any]:
        """Return the whole as plain values, the base of the idempotency fingerprint.

        Absent members are left out, so that an optional one that is added later changes no old fingerprint.
        """
        mapping = _plain(self)
        if not self.require_code:
            del mapping["require_code"]
        return mapping

    def as_first_mapping(self) -> Mapping[str, Any] | None:
        """Return what programs with the first tables took the fingerprint of; None for what they did not know.

        They left absent members in.
        """
        if self.require_code:
            return None
        mapping = asdict(self)
        del mapping["require_code"]
        return mapping


def _plain(part: object) -> dict[str, Any]:
    """Return what is there of a part as plain values: as `asdict` does, which copies every single one of them."""
    return {name: _plain_value(value) for name, value in vars(part).items() if value is not None}


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_value(each) for each in value]
    return _plain(value) if is_dataclass(value) else value


def check(submission: Submission) -> None:
    """Apply the rules that span members; raise InvalidRequest with all that is wrong."""
    problems = _Problems()
    _check_order(submission, problems)
    _check_that_signers_have_something_to_sign(submission, problems)
    for index, placed in enumerate(submission.fields):
        path = f"fields.{index}"
        _check_recipient(submission, placed, path, problems)
        _check_size(placed, path, problems)
        _check_choices(placed, path, problems)
    for index, anchor in enumerate(submission.anchors):
        _check_recipient(submission, anchor, f"anchorTags.{index}", problems)
    problems.raise_if_any()


class _Problems:
    def __init__(self) -> None:
        self.form: list[str] = []
        self.fields: dict[str, list[str]] = {}

    def at(self, path: str, message: str) -> None:
        self.fields.setdefault(path, []).append(message)

    def raise_if_any(self) -> None:
        if self.form or self.fields:
            raise InvalidRequest(form_errors=self.form, field_errors=self.fields)


def _check_order(submission: Submission, problems: _Problems) -> None:
    count = len(submission.recipients)
    if sorted(recipient.order for recipient in submission.recipients) != list(range(1, count + 1)):
        problems.form.append(f"The recipients' orders must be the numbers 1 to {count}, each once.")


def _check_that_signers_have_something_to_sign(submission: Submission, problems: _Problems) -> None:
    if all(recipient.designation is not Designation.SIGNER for recipient in submission.recipients):
        problems.form.append("At least one recipient must be a Signer.")
    elif not submission.fields and not submission.anchors:
        problems.form.append("At least one field or anchor tag is required when a recipient is a Signer.")


def _check_recipient(submission: Submission, placed: EnvelopeField | AnchorTag, path: str, problems: _Problems) -> None:
    if placed.recipient_index >= len(submission.recipients):
        problems.at(f"{path}.recipientIndex", "There is no recipient with this index.")
        return
    designation = submission.recipients[placed.recipient_index].designation
    if designation is Designation.CC:
        problems.at(f"{path}.recipientIndex", "A CC recipient gets a copy and has no fields.")
    elif designation is Designation.APPROVER and placed.type not in APPROVER_TYPES:
        problems.at(f"{path}.type", f"An Approver can only have: {', '.join(sorted(APPROVER_TYPES))}.")


def _check_size(placed: EnvelopeField, path: str, problems: _Problems) -> None:
    if placed.width is not None and placed.x + placed.width > WHOLE_PAGE + ROUNDING:
        problems.at(f"{path}.width", "The field reaches beyond the right edge: x + width must be at most 100.")
    if placed.height is not None and placed.y + placed.height > WHOLE_PAGE + ROUNDING:
        problems.at(f"{path}.height", "The field reaches beyond the bottom edge: y + height must be at most 100.")


def _check_choices(placed: EnvelopeField, path: str, problems: _Problems) -> None:
    if placed.options is not None and placed.type != "dropdown":
        problems.at(f"{path}.options", "Only a dropdown has options.")
    if placed.group is not None and placed.type != "radio_buttons":
        problems.at(f"{path}.group", "Only radio buttons have a group.")
