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
#: The event of the line that says which lines before it were erased.
ERASED = "personal_data_erased"
#: What became of a mail: it went out; it was given up for good; it was of no use any more.
MAIL_SENT = "mail_sent"
MAIL_FAILED = "mail_failed"
MAIL_DROPPED = "mail_dropped"


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
            details={"user_agent": client.user_agent} | (details or {}),
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


def erase(entry: AuditEntry, *, now: datetime) -> None:
    """Take out of a line who it names and what they wrote; its hash, and so its place in the chain, stays."""
    entry.erased_at = now
    entry.actor = {}
    entry.ip_address = None
    entry.details = {name: value for name, value in entry.details.items() if name.endswith("_sha256")}


def find_break(entries: Sequence[AuditEntry]) -> int | None:
    """Return the sequence number at which the chain does not hold, or None when it is whole.

    Of a line that was erased only the place can be checked, and that a whole line after it says so: else whoever
    changes a line could call it erased.
    """
    erased = find_erased(entries)
    previous = GENESIS
    for number, entry in enumerate(entries, start=1):
        is_as_written = number in erased if entry.erased_at is not None else entry.hash == _hash(entry)
        if entry.sequence != number or entry.previous_hash != previous or not is_as_written:
            return number
        previous = entry.hash
    return None


def find_erased(entries: Sequence[AuditEntry]) -> frozenset[int]:
    """Return the numbers of the lines that were erased, as lines that are whole say."""
    records = [entry for entry in entries if entry.event == ERASED and entry.erased_at is None]
    return frozenset(line for entry in records for line in entry.details.get("lines", []) if line < entry.sequence)


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
