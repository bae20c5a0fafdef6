"""An envelope in our words, written as the signing service wants it (provider fact sheet, sections 2, 17 and 18)."""

import re
from base64 import b64encode
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid5

from app.domain.errors import InvalidRequest
from app.domain.ports import (
    Designation,
    EnvelopeAnchor,
    EnvelopeDraft,
    EnvelopeField,
    EnvelopeRecipient,
    PageSize,
)

_NAME_LENGTH = 255
_ANCHOR_LIMIT = 100
_DECIMALS = 4

_DESCRIPTION = re.compile(r"ref:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)

#: Percent of the page, (width, height), for a field that comes without (section 2.4).
_DEFAULT_SIZES = MappingProxyType(
    {
        "signature": (25.0, 5.0),
        "initial": (10.0, 5.0),
        "initials": (10.0, 5.0),
        "date": (20.0, 3.0),
        "text": (20.0, 3.0),
        "text_area": (20.0, 3.0),
        "dropdown": (20.0, 3.0),
        "checkbox": (3.0, 3.0),
        "radio_buttons": (3.0, 3.0),
    }
)

#: An approver owns only these, under names of their own.
_APPROVER_TYPES = MappingProxyType(
    {"signature": "approval_signature", "checkbox": "approval_checkmark", "date": "approval_date"}
)

#: Anchors say `initials`, fields say `initial`; the contract and the service agree on that.
_FIELD_TYPES = MappingProxyType({"initials": "initial"})

#: Everything is said, because the service's defaults have changed over time (section 2.5).
_SETTINGS = MappingProxyType(
    {
        "use_signing_order": True,
        "send_signing_email": True,
        "send_finish_email": True,
        "send_expiration_email": True,
        "send_cancellation_email": True,
        "allow_download": True,
        "attach_pdf_on_finish": True,
        "hand_drawn_only": False,
    }
)


def reference_description(reference: UUID) -> str:
    """Return the description that makes an envelope findable again; the service knows no idempotency key."""
    return f"ref:{reference}"


def described_reference(description: object) -> UUID | None:
    """Return the reference that a description carries, if it is one of ours."""
    match = _DESCRIPTION.fullmatch(description) if isinstance(description, str) else None
    return UUID(match[1]) if match else None


def envelope_body(draft: EnvelopeDraft, *, document_id: str | None = None) -> dict[str, Any]:
    """Return the body of create-and-send, with the document inside unless it was uploaded as `document_id`.

    Raises InvalidRequest when an approver is asked for something that approvers cannot do.
    """
    body: dict[str, Any] = {
        "name": draft.name[:_NAME_LENGTH],
        "description": reference_description(draft.reference),
        "expiration_hours": draft.expiration_hours,
        "recipients": [_recipient(index, each) for index, each in enumerate(draft.recipients)],
        "settings": _settings(draft),
    }
    if document_id is None:
        body["document"] = b64encode(draft.document).decode("ascii")
    else:
        body["document_id"] = document_id
    fields = [_field(draft, each) for each in draft.fields]
    fields += [each for anchor in draft.anchors[_ANCHOR_LIMIT:] for each in _located_fields(draft, anchor)]
    anchors = [_anchor(draft, each) for each in draft.anchors[:_ANCHOR_LIMIT]]
    return body | ({"fields": fields} if fields else {}) | ({"anchor_tags": anchors} if anchors else {})


def _settings(draft: EnvelopeDraft) -> dict[str, bool]:
    """Return the switches. That no code is asked for is not said: the account may ask for one by itself."""
    return {**_SETTINGS, "require_otp_verification": True} if draft.require_code else dict(_SETTINGS)


def _recipient(index: int, recipient: EnvelopeRecipient) -> dict[str, Any]:
    last_name = {"last_name": recipient.last_name} if recipient.last_name else {}
    return {
        "id": _temporary_id(index),
        "first_name": recipient.first_name,
        **last_name,
        "email": recipient.email,
        "designation": recipient.designation.value,
        "order": recipient.order,
    }


def _temporary_id(index: int) -> str:
    return f"temp_{index + 1}"


def _field(draft: EnvelopeDraft, field: EnvelopeField) -> dict[str, Any]:
    default_width, default_height = _DEFAULT_SIZES[field.type]
    return {
        "recipient_id": _temporary_id(field.recipient_index),
        "type": _type_for(draft, field.recipient_index, field.type),
        "page_number": field.page,
        "position": _position(
            field.x,
            field.y,
            default_width if field.width is None else field.width,
            default_height if field.height is None else field.height,
        ),
        "required": field.required,
        **({"dropdown_options": list(field.options)} if field.type == "dropdown" and field.options else {}),
        **({"multi_group_id": _group_id(draft, field)} if field.type == "radio_buttons" else {}),
    }


def _anchor(draft: EnvelopeDraft, anchor: EnvelopeAnchor) -> dict[str, Any]:
    first_page = anchor.matches[0].page if anchor.matches else 1
    return {
        "anchor_string": anchor.text,
        "type": _type_for(draft, anchor.recipient_index, anchor.type),
        "recipient_id": _temporary_id(anchor.recipient_index),
        **_percent_size(anchor, draft.pages[first_page - 1]),
        "required": anchor.required,
        "ignore_if_not_present": anchor.ignore_if_not_present,
        "occurrence": 0,
        "case_sensitive": True,
        "match_whole_word": False,
        "remove_anchor_text": True,
    }


def _located_fields(draft: EnvelopeDraft, anchor: EnvelopeAnchor) -> list[dict[str, Any]]:
    """Return an anchor as fields at its matches: the service takes 100 anchors, the contract allows 200."""
    default_width, default_height = _DEFAULT_SIZES[anchor.type]
    fields = []
    for match in anchor.matches:
        size = _percent_size(anchor, draft.pages[match.page - 1])
        position = _position(match.x, match.y, size.get("width", default_width), size.get("height", default_height))
        fields.append(
            {
                "recipient_id": _temporary_id(anchor.recipient_index),
                "type": _type_for(draft, anchor.recipient_index, _FIELD_TYPES.get(anchor.type, anchor.type)),
                "page_number": match.page,
                "position": position,
                "required": anchor.required,
            }
        )
    return fields


def _type_for(draft: EnvelopeDraft, recipient_index: int, kind: str) -> str:
    if draft.recipients[recipient_index].designation is not Designation.APPROVER:
        return kind
    if kind not in _APPROVER_TYPES:
        raise InvalidRequest("An approver can have signature, checkbox and date fields only.")
    return _APPROVER_TYPES[kind]


def _group_id(draft: EnvelopeDraft, field: EnvelopeField) -> str:
    """Tie radio buttons together: by the caller's group, else all of a recipient's on one page.

    The id must be a UUID; derived from the reference, it is the same whenever the same envelope is written.
    """
    group = f"page {field.page}" if field.group is None else f"group {field.group}"
    return str(uuid5(draft.reference, f"{field.recipient_index} {group}"))


def _percent_size(anchor: EnvelopeAnchor, page: PageSize) -> dict[str, float]:
    """Turn points into percent of the displayed page, at most the whole of it; what was not given stays absent."""
    size = {}
    if anchor.width is not None:
        size["width"] = _rounded(min(100 * anchor.width / page.width, 100.0))
    if anchor.height is not None:
        size["height"] = _rounded(min(100 * anchor.height / page.height, 100.0))
    return size


def _position(x: float, y: float, width: float, height: float) -> dict[str, float]:
    """Return the box, moved up and to the left as far as it must be to stay on the page."""
    width, height = _rounded(width), _rounded(height)
    return {
        "x": _rounded(min(max(x, 0.0), 100.0 - width)),
        "y": _rounded(min(max(y, 0.0), 100.0 - height)),
        "width": width,
        "height": height,
    }


def _rounded(percent: float) -> float:
    return round(percent, _DECIMALS)
