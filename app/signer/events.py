"""Events that the API is told of: written with what they report (provider fact sheet, section 13.2)."""

import json
import secrets
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from app.domain import clock
from app.signer.models import Envelope, OutgoingEvent, Recipient
from app.signer.webhook_switch import WebhookSwitch
from app.signer.wire import COMPANY_ID, WORKSPACE_ID, WORKSPACE_NAME, iso


class EventType(StrEnum):
    """What can happen to an envelope, in the provider's words (section 13.1)."""

    CREATED = "signing_request.created"
    SENT = "signing_request.sent"
    VIEWED = "signing_request.viewed"
    COMPLETED = "signing_request.completed"
    EXPIRED = "signing_request.expired"
    CANCELLED = "signing_request.cancelled"
    CERTIFICATE_GENERATED = "signing_request.certificate.generated"
    RECIPIENT_SIGNED = "signing_request.recipient.signed"
    RECIPIENT_DECLINED = "signing_request.recipient.declined"
    #: A word of ours, in the same form; a receiver reads the people again, as with every event.
    RECIPIENT_MAIL_FAILED = "signing_request.recipient.mail_failed"


class EventOutbox:
    """Queues events in the transaction of what they report; none while they are off, or with no switch at all."""

    def __init__(self, switch: WebhookSwitch | None) -> None:
        self._switch = switch

    def add(self, session: Session, envelope: Envelope, event: EventType) -> None:
        """Queue the event with the envelope's present state."""
        if self._switch is None or self._switch.is_off(session):
            return
        now = clock.utcnow()
        event_id = f"evt_{int(now.timestamp())}_{secrets.token_hex(8)}"
        body = {
            "id": event_id,
            "type": event.value,
            "created_at": iso(now),
            "company_id": COMPANY_ID,
            "workspace_id": WORKSPACE_ID,
            "data": {
                "signing_request": _describe(envelope),
                "recipients": [_describe_recipient(recipient) for recipient in envelope.recipients],
                "workspace": {"id": WORKSPACE_ID, "name": WORKSPACE_NAME},
            },
        }
        session.add(
            OutgoingEvent(
                id=event_id,
                envelope_id=envelope.id,
                type=event.value,
                # Compact, as the provider's: some receivers sign what they parsed and wrote again (section 13.3).
                body=json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
                created_at=now,
                next_attempt_at=now,
            )
        )


def _describe(envelope: Envelope) -> dict[str, Any]:
    return {
        "id": str(envelope.id),
        "name": envelope.name,
        "workspace_id": WORKSPACE_ID,
        "created_at": iso(envelope.created_at),
        "sent_at": iso(envelope.sent_at),
        "completed_at": iso(envelope.finished_at),
        "cancelled_at": iso(envelope.cancelled_at),
        "expires_at": iso(envelope.expires_at),
        "document_page_count": len(envelope.pages),
    }


def _describe_recipient(recipient: Recipient) -> dict[str, Any]:
    return {
        "id": str(recipient.id),
        "email": recipient.email,
        "name": recipient.name,
        "first_name": recipient.first_name,
        "last_name": recipient.last_name,
        "order": recipient.order,
        "designation": recipient.designation.value,
        "signed_at": iso(recipient.signed_at),
    }
