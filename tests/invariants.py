"""What must hold once everything has drained, at the provider and in the database (README, "What is promised")."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.history import Mark
from app.domain.lifecycle import TERMINAL, TRANSITIONS, Action, Status
from app.models import HistoryEntry, IdempotencyKey, SignatureRequest

Envelope = Mapping[str, Any]

#: What the provider calls an envelope that can still be signed.
LIVE = "in_progress"

#: A status here, and what the provider may say of the envelope.
AGREE = {
    Status.SENT: {LIVE},
    Status.VIEWED: {LIVE},
    Status.COMPLETED: {"finished"},
    Status.DECLINED: {"declined"},
    Status.EXPIRED: {"expired", "cancelled"},
    Status.CANCELLED: {"cancelled"},
}


def broken(session: Session, envelopes: Sequence[Envelope]) -> list[str]:
    """Return a sentence for every invariant that does not hold; `envelopes` are the provider's, but deleted ones."""
    requests = session.scalars(select(SignatureRequest)).all()
    return [
        *_two_envelopes_for_one_reference(envelopes),
        *_two_live_envelopes_for_one_key(session, envelopes),
        *_requests_without_envelope(requests, envelopes),
        *_envelopes_without_request(requests, envelopes),
        *_disagreements(requests, envelopes),
        *_broken_histories(session, requests),
        *_untold_mail_failures(session, requests, envelopes),
    ]


def _two_envelopes_for_one_reference(envelopes: Sequence[Envelope]) -> Iterator[str]:
    for ref, count in Counter(envelope["ref"] for envelope in envelopes).items():
        if count > 1:
            yield f"{count} envelopes carry the reference {ref}"


def _two_live_envelopes_for_one_key(session: Session, envelopes: Sequence[Envelope]) -> Iterator[str]:
    # A key belongs to one request at a time; an envelope of a request that lost its key must not be live.
    keyed = {str(each) for each in session.scalars(select(IdempotencyKey.resource_id))}
    given_up = {
        str(each)
        for each in session.scalars(select(SignatureRequest.id).where(SignatureRequest.status == Status.FAILED))
    }
    for envelope in envelopes:
        if envelope["status"] == LIVE and envelope["ref"] in given_up - keyed:
            yield f"the envelope of {envelope['ref']}, which was given up, is live"


def _requests_without_envelope(requests: Sequence[SignatureRequest], envelopes: Sequence[Envelope]) -> Iterator[str]:
    by_id = {envelope["id"]: envelope for envelope in envelopes}
    for request in requests:
        if request.status == Status.CREATING:
            yield f"request {request.id} is still in doubt"
        elif request.status == Status.FAILED and request.provider_id is None:
            continue
        elif request.provider_id not in by_id:
            yield f"request {request.id} is {request.status} and has no envelope"
        elif by_id[request.provider_id]["ref"] != str(request.id):
            yield f"request {request.id} has the envelope of {by_id[request.provider_id]['ref']}"


def _envelopes_without_request(requests: Sequence[SignatureRequest], envelopes: Sequence[Envelope]) -> Iterator[str]:
    known = {request.provider_id for request in requests}
    for envelope in envelopes:
        if envelope["id"] not in known and envelope["status"] not in {"cancelled", "expired"}:
            yield f"envelope {envelope['id']} ({envelope['status']}) has no request"


def _disagreements(requests: Sequence[SignatureRequest], envelopes: Sequence[Envelope]) -> Iterator[str]:
    by_id = {envelope["id"]: envelope["status"] for envelope in envelopes}
    for request in requests:
        theirs = by_id.get(request.provider_id)
        if request.status in AGREE and theirs is not None and theirs not in AGREE[Status(request.status)]:
            yield f"request {request.id} is {request.status} here and {theirs} there"
        if request.status == Status.COMPLETED and request.signed_file_id is None:
            yield f"request {request.id} is completed without its signed PDF"


def _untold_mail_failures(
    session: Session, requests: Sequence[SignatureRequest], envelopes: Sequence[Envelope]
) -> Iterator[str]:
    """A mail that failed is in the history once."""
    entries = session.scalars(select(HistoryEntry.recipient_id).where(HistoryEntry.action == Mark.MAIL_FAILED))
    here = Counter(entries)
    there = {person: count for envelope in envelopes for person, count in envelope["mail_failures"].items()}
    for request in requests:
        for person in request.recipients:
            failed = there.get(person.provider_id, 0)
            if here[person.id] != failed:
                yield f"of {failed} failed mails, the history of {request.id} knows {here[person.id]}"


def _broken_histories(session: Session, requests: Sequence[SignatureRequest]) -> Iterator[str]:
    histories: dict[Any, list[HistoryEntry]] = defaultdict(list)
    for entry in session.scalars(select(HistoryEntry).order_by(HistoryEntry.request_id, HistoryEntry.sequence)):
        histories[entry.request_id].append(entry)
    for request in requests:
        yield from _broken_history(request, histories[request.id])


def _broken_history(request: SignatureRequest, history: Sequence[HistoryEntry]) -> Iterator[str]:
    if [entry.sequence for entry in history] != list(range(1, len(history) + 1)):
        yield f"the history of {request.id} has gaps"
    status = Status.CREATING
    acted: Counter[tuple[str, Any]] = Counter()
    for entry in history:
        if entry.from_status != status:
            yield f"the history of {request.id} jumps from {status} to {entry.from_status}"
        if status in TERMINAL and entry.to_status != status:
            yield f"request {request.id} left {status}"
        if entry.recipient_id is not None:
            acted[entry.action, entry.recipient_id] += 1
        elif TRANSITIONS.get((Status(entry.from_status), Action(entry.action))) != entry.to_status:
            yield f"the history of {request.id} has a step that the lifecycle does not know"
        status = Status(entry.to_status)
    if status != request.status:
        yield f"request {request.id} is {request.status}, its history ends with {status}"
    for (action, _), count in acted.items():
        if count > 1:
            yield f"the history of {request.id} has {action} twice for one person"
