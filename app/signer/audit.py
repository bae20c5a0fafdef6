"""The audit trail: who did what, when and from where; a chain in which no line can be changed or taken out unseen."""

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, ids
from app.signer.ceremony_view import Client
from app.signer.models import AuditEntry, Envelope, Recipient

#: What stands before the first entry.
GENESIS = "0" * 64
MAX_USER_AGENT = 500


def record_signer(  # noqa: PLR0913 (who, what and from where)
    session: Session,
    recipient: Recipient,
    event: str,
    description: str,
    *,
    client: Client,
    details: dict[str, Any] | None = None,
) -> None:
    """Write down what a recipient did; the caller holds the envelope."""
    _append(
        session,
        recipient.envelope,
        AuditEntry(
            source="signer",
            event=event,
            description=description,
            actor={"id": str(recipient.id), "name": recipient.name, "email": recipient.email},
            ip_address=client.ip,
            details={"user_agent": client.user_agent[:MAX_USER_AGENT]} | (details or {}),
        ),
    )


def record_api(
    session: Session, envelope: Envelope, description: str, *, ip_address: str | None, details: dict[str, Any]
) -> None:
    """Write down what was done over the API; the caller holds the envelope."""
    entry = AuditEntry(
        source="admin",
        event="activity",
        description=description,
        actor={"type": "api_key"},
        ip_address=ip_address,
        details=details,
    )
    _append(session, envelope, entry)


def record_service(
    session: Session, envelope: Envelope, event: str, description: str, details: dict[str, Any] | None = None
) -> None:
    """Write down what the service did by itself; the caller holds the envelope."""
    entry = AuditEntry(
        source="admin",
        event=event,
        description=description,
        actor={"type": "service"},
        ip_address=None,
        details=details or {},
    )
    _append(session, envelope, entry)


def find_break(entries: Sequence[AuditEntry]) -> int | None:
    """Return the sequence number at which the chain does not hold, or None when it is whole."""
    previous = GENESIS
    for number, entry in enumerate(entries, start=1):
        if entry.sequence != number or entry.previous_hash != previous or entry.hash != _hash(entry):
            return number
        previous = entry.hash
    return None


def _append(session: Session, envelope: Envelope, entry: AuditEntry) -> None:
    last = session.scalar(
        select(AuditEntry).where(AuditEntry.envelope_id == envelope.id).order_by(AuditEntry.sequence.desc()).limit(1)
    )
    entry.id = ids.new_id()
    entry.envelope_id = envelope.id
    entry.sequence = last.sequence + 1 if last else 1
    entry.at = clock.utcnow()
    entry.previous_hash = last.hash if last else GENESIS
    entry.hash = _hash(entry)
    session.add(entry)


def _hash(entry: AuditEntry) -> str:
    content = {
        "previous": entry.previous_hash,
        "id": str(entry.id),
        "envelope": str(entry.envelope_id),
        "sequence": entry.sequence,
        "at": _iso(entry.at),
        "source": entry.source,
        "event": entry.event,
        "description": entry.description,
        "actor": entry.actor,
        "ip": entry.ip_address,
        "details": entry.details,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
