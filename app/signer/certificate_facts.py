"""What the certificate of completion says, taken from the envelope and its audit trail."""

from collections.abc import Sequence
from datetime import datetime

from app.signer.codes import CONFIRMED
from app.signer.facts import CertificateFacts, ConsentFacts, EventFacts, PersonFacts
from app.signer.models import AuditEntry, Envelope, Recipient
from app.signer.wire import iso

SERVICE = "Signing service"
SENDER = "Sender (API)"


def certificate_facts(envelope: Envelope) -> CertificateFacts:
    """Return all that is known before the seal; `sha256_after`, `issued_at` and `seal` are filled in with it."""
    return {
        "envelope_id": str(envelope.id),
        "document_name": envelope.name,
        "completed_at": _iso(envelope.finished_at),
        "issued_at": "",
        "page_count": len(envelope.pages),
        "sha256_before": envelope.document_sha256,
        "sha256_after": "",
        "people": [_person(recipient, envelope.audit) for recipient in envelope.recipients],
        "consents": _consents(envelope.recipients),
        "events": [_event(entry) for entry in envelope.audit],
        "audit_hash": envelope.audit[-1].hash if envelope.audit else None,
        "seal": {"fingerprint_sha256": "", "timestamped": False, "timestamp_wanted": False, "self_signed": False},
        "missing_glyphs": [],
    }


def _person(recipient: Recipient, trail: Sequence[AuditEntry]) -> PersonFacts:
    confirmed = (entry.at for entry in trail if entry.event == CONFIRMED and entry.actor["id"] == str(recipient.id))
    return {
        "name": recipient.name,
        "email": recipient.email,
        "designation": recipient.designation.value,
        "code_confirmed_at": iso(next(confirmed, None)),
        "viewed_at": iso(recipient.viewed_at),
        "consented_at": iso(recipient.consented_at),
        "signed_at": iso(recipient.signed_at),
        "ip_address": recipient.ip_address,
        "user_agent": recipient.user_agent,
    }


def _consents(recipients: Sequence[Recipient]) -> list[ConsentFacts]:
    """Return what was agreed to: a text for each language that was read."""
    people: dict[str, list[str]] = {}
    for recipient in recipients:
        if recipient.consent_text:
            people.setdefault(recipient.consent_text, []).append(recipient.name)
    return [{"text": text, "people": names} for text, names in people.items()]


def _event(entry: AuditEntry) -> EventFacts:
    return {
        "at": iso(entry.at),
        "description": entry.description,
        "actor": entry.actor.get("name") or (SENDER if entry.actor.get("type") == "api_key" else SERVICE),
        "ip_address": entry.ip_address,
    }


def _iso(moment: datetime | None) -> str:
    return iso(moment) or ""
