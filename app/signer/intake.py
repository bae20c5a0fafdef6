"""From the body of create-and-send to an envelope that could be sent, as far as the body alone can tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marshmallow import ValidationError

from app.domain.ports import Designation
from app.signer.answers import APPROVAL_TYPES, DROPDOWN
from app.signer.intake_schemas import TEMPORARY_PREFIX, AnchorSchema, EnvelopeSchema

#: Sum of percentages that rounding may leave above 100.
ROUNDING = 1e-6

CONTACT = (
    "phone_number",
    "street_address",
    "city",
    "state_province",
    "postal_code",
    "country",
    "title",
    "company",
    "custom_fields",
)


class InvalidEnvelope(Exception):
    """The body cannot become an envelope: a sentence for each reason."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(reasons[0])
        self.reasons = list(reasons)


@dataclass(frozen=True, kw_only=True)
class NewRecipient:
    """A person to be asked."""

    first_name: str
    last_name: str | None
    email: str
    designation: Designation
    order: int
    contact: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class FieldTraits:
    """What a field is, wherever it stands; `recipient` is an index into the envelope's recipients."""

    recipient: int
    type: str
    required: bool
    read_only: bool
    read_only_value: str | None
    variable_name: str | None
    options: list[str]
    group: UUID | None


@dataclass(frozen=True, kw_only=True)
class NewField:
    """A field in its place: percent of the displayed page, origin top-left."""

    traits: FieldTraits
    page: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class NewAnchor:
    """Fields where a text stands. Sizes are percent; offsets are percent, or points when `offset_in_points`."""

    traits: FieldTraits
    text: str
    width: float | None
    height: float | None
    x_offset: float
    y_offset: float
    offset_in_points: bool
    occurrence: int
    case_sensitive: bool
    whole_word: bool
    ignore_if_absent: bool
    remove_text: bool


@dataclass(frozen=True, kw_only=True)
class NewEnvelope:
    """All that the body says. Exactly one of `document` and `document_id` is given."""

    name: str
    description: str | None
    document: bytes | None = field(repr=False)
    document_id: UUID | None
    expiration_hours: int
    settings: dict[str, bool | None]
    recipients: tuple[NewRecipient, ...]
    fields: tuple[NewField, ...]
    anchors: tuple[NewAnchor, ...]
    warnings: tuple[str, ...]


def parse_envelope(body: Any) -> NewEnvelope:
    """Return what the body asks for; raise InvalidEnvelope with everything that is wrong with it."""
    try:
        data = EnvelopeSchema().load(body)
    except ValidationError as error:
        raise InvalidEnvelope(list(_sentences(error.messages))) from error
    references, reasons = _references(data["recipients"])
    reasons += _document_reasons(data)
    if all(recipient["designation"] is not Designation.SIGNER for recipient in data["recipients"]):
        reasons.append("recipients: at least one Signer is required.")
    placed = [*_numbered("fields", data["fields_"]), *_numbered("anchor_tags", data["anchor_tags"])]
    for path, item in placed:
        reasons += [f"{path}: {reason}" for reason in _field_reasons(item, references, data["recipients"])]
    if reasons:
        raise InvalidEnvelope(reasons)
    return NewEnvelope(
        name=data["name"],
        description=data["description"],
        document=data["document"],
        document_id=data["document_id"],
        expiration_hours=data["expiration_hours"],
        settings=data["settings"],
        recipients=tuple(_recipient(index, item) for index, item in enumerate(data["recipients"])),
        fields=tuple(_field(item, references) for item in data["fields_"]),
        anchors=tuple(_anchor(item, references) for item in data["anchor_tags"]),
        warnings=tuple(_warnings(body)),
    )


def _numbered(name: str, items: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((f"{name}.{index}", item) for index, item in enumerate(items))


def _references(recipients: Sequence[Mapping[str, Any]]) -> tuple[dict[object, int], list[str]]:
    """Return how recipients can be named (temporary id, or order in anchors), and what is wrong with the ids."""
    references: dict[object, int] = {}
    reasons = []
    for index, recipient in enumerate(recipients):
        key = recipient["id"]
        if key is None:
            continue
        if not key.startswith(TEMPORARY_PREFIX):
            reasons.append(f"recipients.{index}.id: A temporary id must start with {TEMPORARY_PREFIX}.")
        if key in references:
            reasons.append(f"recipients.{index}.id: This temporary id is used twice.")
        references[key] = index
    for index, recipient in enumerate(recipients):
        references.setdefault(_order(index, recipient), index)
    return references, reasons


def _order(index: int, recipient: Mapping[str, Any]) -> int:
    return recipient["order"] or index + 1


def _document_reasons(data: Mapping[str, Any]) -> list[str]:
    if data["template_id"] is not None:
        return ["template_id: This service has no templates."]
    if (data["document"] is None) == (data["document_id"] is None):
        return ["Exactly one of document and document_id is required."]
    return []


def _field_reasons(
    item: Mapping[str, Any], references: Mapping[object, int], recipients: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    reference = item["recipient_id"]
    if not isinstance(reference, str | int) or isinstance(reference, bool) or reference not in references:
        yield "recipient_id names no recipient."
        return
    designation = recipients[references[reference]]["designation"]
    if designation is Designation.CC:
        yield "A CC has no fields."
    if designation is Designation.APPROVER and item["type"] not in APPROVAL_TYPES:
        yield "An Approver can only have approval fields."
    if item["type"] == DROPDOWN and not item["dropdown_options"]:
        yield "A dropdown needs dropdown_options."
    if item["read_only"] and item["read_only_value"] is None:
        yield "A read-only field needs read_only_value."
    box = item.get("position")
    if box and (box["x"] + box["width"] > 100 + ROUNDING or box["y"] + box["height"] > 100 + ROUNDING):
        yield "The field leaves the page."


def _recipient(index: int, item: Mapping[str, Any]) -> NewRecipient:
    return NewRecipient(
        first_name=item["first_name"],
        last_name=item["last_name"] or None,
        email=item["email"],
        designation=item["designation"],
        order=_order(index, item),
        contact={name: item[name] for name in CONTACT if item.get(name) is not None},
    )


def _traits(item: Mapping[str, Any], references: Mapping[object, int]) -> FieldTraits:
    return FieldTraits(
        recipient=references[item["recipient_id"]],
        type=item["type"],
        required=item["required"],
        read_only=item["read_only"],
        read_only_value=item["read_only_value"],
        variable_name=item["variable_name"],
        options=item["dropdown_options"] or [],
        group=item["multi_group_id"],
    )


def _field(item: Mapping[str, Any], references: Mapping[object, int]) -> NewField:
    return NewField(traits=_traits(item, references), page=item["page_number"], **item["position"])


def _anchor(item: Mapping[str, Any], references: Mapping[object, int]) -> NewAnchor:
    return NewAnchor(
        traits=_traits(item, references),
        text=item["anchor_string"],
        width=item["width"],
        height=item["height"],
        x_offset=item["x_offset"],
        y_offset=item["y_offset"],
        offset_in_points=item["offset_units"] == "pixels",
        occurrence=item["occurrence"],
        case_sensitive=item["case_sensitive"],
        whole_word=item["match_whole_word"],
        ignore_if_absent=item["ignore_if_not_present"],
        remove_text=item["remove_anchor_text"],
    )


def _warnings(body: Mapping[str, Any]) -> Iterator[str]:
    """Name the members of anchors that mean nothing here (section 2.4)."""
    known = set(AnchorSchema().fields)
    for index, anchor in enumerate(body.get("anchor_tags") or []):
        for name in sorted(set(anchor) - known):
            yield f"anchor_tags[{index}]: unknown property {name[:100]!r} was ignored"


def _sentences(messages: Any, path: str = "") -> Iterator[str]:
    """Flatten marshmallow's messages to sentences that begin with a dotted path."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _sentences(inner, path if name == "_schema" else f"{path}.{name}".lstrip("."))
        return
    for message in messages:
        yield f"{path}: {message}" if path else str(message)
