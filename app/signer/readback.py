"""Envelopes as the provider writes them. Three styles live side by side there, and so they do here.

The answer to a create and the list say `status` as a word and `..._date`, the detail says flags and `..._on`
(provider fact sheet, sections 2.6 and 5 to 8).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain import clock
from app.signer.answers import TYPED_PREFIX
from app.signer.envelopes import SentEnvelope
from app.signer.files import FileKind, FileLink, FileLinks
from app.signer.models import AuditEntry, Envelope, EnvelopeStatus, Field, Recipient
from app.signer.wire import WORKSPACE_ID, iso, iso_z

#: One account, no billing: the number only has to be large.
CREDITS = 1_000_000

#: The list's words for the status (section 6).
LIST_STATUS = {
    EnvelopeStatus.SENT: "in_progress",
    EnvelopeStatus.FINISHED: "finished",
    EnvelopeStatus.CANCELLED: "cancelled",
    EnvelopeStatus.DECLINED: "declined",
    EnvelopeStatus.EXPIRED: "expired",
}

#: Settings that the resource always shows and an envelope need not have (section 5).
UNSET = ("allow_presigning_download", "require_otp_verification", "disable_guided_navigation")

#: What is said of a person of whom nothing of this is known (section 7).
NO_CONTACT: Mapping[str, Any] = {
    "phone_number": None,
    "street_address": None,
    "city": None,
    "state_province": None,
    "postal_code": None,
    "country": None,
    "title": None,
    "company": None,
    "custom_fields": {},
}


def created(sent: SentEnvelope, links: FileLinks, warnings: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer to create-and-send (section 2.6)."""
    envelope, first = sent.envelope, sent.first_signer
    return {
        "id": str(envelope.id),
        "name": envelope.name,
        "description": envelope.description,
        "status": "sent",
        "document_url": links.make(envelope.id, FileKind.SOURCE).url,
        "page_count": len(envelope.pages),
        "expiration_hours": envelope.expiration_hours,
        "settings": _settings(envelope),
        "created_date": iso(envelope.created_at),
        "sent_date": iso(envelope.sent_at),
        "template_id": None,
        "first_signer": {
            "id": str(first.id),
            "name": first.name,
            "email": first.email,
            "signing_link": sent.first_link,
        },
        "recipients": [_recipient(recipient) for recipient in envelope.recipients],
        "fields": [_field(field) for field in envelope.fields],
        "credits_remaining": CREDITS,
        "warnings": list(warnings),
    }


def detail(envelope: Envelope, links: FileLinks) -> dict[str, Any]:
    """Return one request in full, but for its people and fields (section 5)."""
    source = links.make(envelope.id, FileKind.SOURCE)
    signed, certificate = _finished_links(envelope, links)
    settings = _settings(envelope)
    switches = ("use_signing_order", "allow_download", "hand_drawn_only", "attach_pdf_on_finish")
    return {
        "id": str(envelope.id),
        "name": envelope.name,
        "template_description": envelope.description,
        "companies_workspaces_id": WORKSPACE_ID,
        "document_url": source.url,
        "document_url_expires_at": iso_z(source.expires_at),
        "document_page_count": len(envelope.pages),
        **{name: int(settings[name]) for name in switches},
        "allow_editing_before_sending": 1,
        "settings": settings,
        "expiration_hours": envelope.expiration_hours,
        "expires_at": iso(envelope.expires_at),
        "credit_cost": 1,
        # Several may be true: whatever became of it, it has been sent.
        "status": {
            "sent": True,
            **{word.value: envelope.status is word for word in EnvelopeStatus if word is not EnvelopeStatus.SENT},
        },
        "timestamps": {
            "created_on": iso(envelope.created_at),
            "sent_on": iso(envelope.sent_at),
            "finished_on": iso(envelope.finished_at),
            "cancelled_on": iso(envelope.cancelled_at),
            "declined_on": iso(envelope.declined_at),
            "last_changed_on": iso(envelope.updated_at),
            "last_signing_action_on": iso(envelope.last_action_at),
        },
        "certificate": {
            "generated": envelope.sealed_at is not None,
            "generated_on": iso(envelope.sealed_at),
            # Sealing is tried until it works, so there is never an error that would stay.
            "has_error": False,
        },
        "final_document_download_url": signed,
        "final_document_download_error": None,
        "document_only_download_url": signed,
        "document_only_download_error": None,
        "certificate_only_download_url": certificate,
        "certificate_only_download_error": None,
    }


def listed(envelope: Envelope, links: FileLinks) -> dict[str, Any]:
    """Return one item of the list (section 6)."""
    source = links.make(envelope.id, FileKind.SOURCE)
    return {
        "id": str(envelope.id),
        "name": envelope.name,
        "description": envelope.description,
        "status": LIST_STATUS[envelope.status],
        "document_url": source.url,
        "document_url_expires_at": iso_z(source.expires_at),
        "page_count": len(envelope.pages),
        "expiration_hours": envelope.expiration_hours,
        "expires_at": iso(envelope.expires_at),
        "credit_cost": 1,
        "template_id": None,
        "settings": _settings(envelope),
        "created_date": iso(envelope.created_at),
        "updated_date": iso(envelope.updated_at),
        "sent_date": iso(envelope.sent_at),
        "finished_date": iso(envelope.finished_at),
        "cancelled_date": iso(envelope.cancelled_at),
        "declined_date": iso(envelope.declined_at),
        "recipients": [
            {
                "id": str(recipient.id),
                "name": recipient.name,
                "email": recipient.email,
                "designation": recipient.designation.value,
                "order": recipient.order,
                "finished_date": iso(recipient.signed_at),
                "signature_details": None,
            }
            for recipient in envelope.recipients
        ],
        "fields": [_field(field) for field in envelope.fields],
    }


def user(recipient: Recipient, mail_failures: Sequence[AuditEntry]) -> dict[str, Any]:
    """Return a person and how far they are (section 7), and of the envelope's mail that failed what was theirs."""
    return {
        **_recipient(recipient),
        **NO_CONTACT,
        **recipient.contact,
        "finished_on": iso(recipient.signed_at),
        "declined_on": iso(recipient.declined_at),
        "decline_reason": recipient.decline_reason,
        "required_fields": ["email", "first_name"],
        "missing_fields": [],
        "required_read_only_fields": [],
        "ready_to_send": True,
        # A member of ours: the provider says nothing about mail.
        "mail_failures": [
            {"failed_on": iso(line.at), "reason": line.details["reason"]}
            for line in mail_failures
            if line.details.get("recipient_id") == str(recipient.id)
        ],
    }


def placed_field(field: Field, envelope: Envelope) -> dict[str, Any]:
    """Return a field with its clean names and the old ones, misspelt as they are (section 8)."""
    return {
        **_field(field),
        "field_type": field.type,
        "companies_workspaces_signing_requests_users_id": str(field.recipient_id),
        "companies_workspaces_signing_requests_id": str(envelope.id),
        "final_value": _value(field),
        "x_postion": field.x,
        "y_position": field.y,
        "width": field.width,
        "heigh": field.height,
        "deleted": 0,
        "page_number": field.page,
        "read_only": field.read_only,
        "read_only_value": field.value if field.read_only else None,
        "multi_group_id": str(field.group) if field.group else None,
        "date_default": None,
        "date_signing_default": False,
    }


def reminded(recipient: Recipient) -> dict[str, Any]:
    """Describe somebody who was reminded (section 10)."""
    return {"id": str(recipient.id), "email": recipient.email, "name": recipient.name}


def not_reminded(recipient: Recipient) -> dict[str, Any]:
    """Describe somebody who cannot be reminded now (section 10)."""
    return {"id": str(recipient.id), "email": recipient.email, "order": recipient.order}


def audit_entry(entry: AuditEntry) -> dict[str, Any]:
    """Return a line of the audit trail (section 11)."""
    return {
        "id": str(entry.id),
        "timestamp": iso(entry.at),
        "source": entry.source,
        "event": entry.event,
        "description": entry.description,
        "actor": entry.actor,
        "ip_address": entry.ip_address,
        "details": entry.details,
    }


def download(envelope: Envelope, links: FileLinks) -> dict[str, Any]:
    """Return where the document is now: signed when it is finished, else as it came (section 11)."""
    is_signed = envelope.sealed_at is not None
    link: FileLink = links.make(envelope.id, FileKind.SIGNED if is_signed else FileKind.SOURCE)
    return {
        "status": LIST_STATUS[envelope.status],
        "is_partial": not is_signed,
        "download_url": link.url,
        "generated_at": iso(envelope.sealed_at or clock.utcnow()),
        "expires_at": iso_z(link.expires_at),
    }


def _finished_links(envelope: Envelope, links: FileLinks) -> tuple[str | None, str | None]:
    if envelope.sealed_at is None:
        return None, None
    return links.make(envelope.id, FileKind.SIGNED).url, links.make(envelope.id, FileKind.CERTIFICATE).url


def _settings(envelope: Envelope) -> dict[str, Any]:
    return {**dict.fromkeys(UNSET), "allow_editing_before_sending": True, **envelope.settings}


def _recipient(recipient: Recipient) -> dict[str, Any]:
    return {
        "id": str(recipient.id),
        "first_name": recipient.first_name,
        "last_name": recipient.last_name,
        "name": recipient.name,
        "email": recipient.email,
        "designation": recipient.designation.value,
        "order": recipient.order,
    }


def _field(field: Field) -> dict[str, Any]:
    return {
        "id": str(field.id),
        "type": field.type,
        "required": field.required,
        "recipient_id": str(field.recipient_id),
        "page_number": field.page,
        "position": {"x": field.x, "y": field.y, "width": field.width, "height": field.height},
        "value": _value(field),
        "variable_name": field.variable_name,
        "variable_defined_name": None,
        "dropdown_options": field.options or None,
        "format_rules": None,
        "validation_rules": None,
    }


def _value(field: Field) -> str | None:
    """Return what was entered: a PNG as data URI for what was drawn, plain text for what was typed (section 8)."""
    return field.value.removeprefix(TYPED_PREFIX) if field.value else None
