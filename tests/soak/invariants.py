"""What must hold once everything has drained, here and at the provider."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.events import EVENT_BY_ACTION, Event
from app.domain.lifecycle import OPEN, Status
from app.models import DeliveryStatus, StoredFile
from tests.invariants import AGREE
from tests.soak.evidence import Evidence

#: What a project is told of an entry of the history; of what is not here it is not told.
EVENTS = {**EVENT_BY_ACTION, "recipient_signed": Event.SIGNED}
NOBODY_CAN_SIGN = {"cancelled", "deleted"}


class Kind(StrEnum):
    """Which of the promises is broken."""

    DUPLICATE = "duplicate"
    LOST = "lost"
    IN_DOUBT = "in doubt"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Violation:
    kind: Kind
    sentence: str


Findings = Iterator[tuple[Kind, str]]


def violations(evidence: Evidence) -> list[Violation]:
    """Return everything that does not hold."""
    return [Violation(kind=kind, sentence=sentence) for check in CHECKS for kind, sentence in check(evidence)]


def one_create_call_per_request(evidence: Evidence) -> Findings:
    for ref, calls in evidence.create_calls.items():
        if len(calls) > 1:
            yield Kind.DUPLICATE, f"{ref} was created {len(calls)} times: {calls}"


def one_envelope_per_request(evidence: Evidence) -> Findings:
    for ref, envelopes in evidence.envelopes_by("ref").items():
        if len(envelopes) > 1:
            yield Kind.DUPLICATE, f"{ref} has {len(envelopes)} envelopes: {_described(envelopes)}"


def one_live_envelope_per_key(evidence: Evidence) -> Findings:
    for name, envelopes in evidence.envelopes_by("name").items():
        live = [envelope for envelope in envelopes if envelope["status"] not in NOBODY_CAN_SIGN]
        if len(live) > 1:
            yield Kind.DUPLICATE, f"{name} has {len(live)} live envelopes: {_described(live)}"


def one_invitation_each(evidence: Evidence) -> Findings:
    for envelope in evidence.envelopes.values():
        if len(envelope["invited"]) != len(set(envelope["invited"])):
            yield Kind.DUPLICATE, f"somebody was invited twice to {envelope['id']}"


def what_was_acknowledged_is_kept(evidence: Evidence) -> Findings:
    for order in evidence.ledger.orders.values():
        for status, request_id in order.answers:
            request = evidence.requests.get(request_id)
            if request is None or request.created_at is None:
                yield Kind.LOST, f"{order.key} was answered {status} with {request_id}, which is not there"
            elif request.provider_id not in evidence.envelopes and not (status == 200 and request.status == "failed"):
                yield Kind.LOST, f"{order.key} was answered {status} with {request_id}, which has no envelope"


def every_key_has_one_answer(evidence: Evidence) -> Findings:
    for order in evidence.ledger.orders.values():
        ids = {request_id for _, request_id in order.answers}
        standing = [each for each in ids if each in evidence.requests and evidence.requests[each].status != "failed"]
        if len(standing) > 1:
            yield Kind.DUPLICATE, f"{order.key} stands for {sorted(standing)}"
        if not order.is_settled:
            yield Kind.IN_DOUBT, f"{order.key} never got an answer"


def every_envelope_has_a_request(evidence: Evidence) -> Findings:
    known = {request.provider_id: request for request in evidence.requests.values()}
    for envelope in evidence.envelopes.values():
        request = known.get(envelope["id"])
        if request is None and envelope["status"] not in NOBODY_CAN_SIGN:
            yield Kind.LOST, f"nobody knows of {_described([envelope])}"
        if request is not None and envelope["ref"] != str(request.id):
            yield Kind.LOST, f"{request.id} has the envelope of {envelope['ref']}"


def nothing_is_in_doubt(evidence: Evidence) -> Findings:
    for request in evidence.requests.values():
        if request.status == Status.CREATING:
            yield Kind.IN_DOUBT, f"{request.id} is still creating"


def both_sides_agree(evidence: Evidence) -> Findings:
    for request in evidence.requests.values():
        envelope = evidence.envelopes.get(request.provider_id or "")
        if envelope is not None and envelope["status"] not in AGREE[Status(request.status)]:
            yield Kind.OTHER, f"{request.id} is {request.status} here and {envelope['status']} there"


def endings_are_final(evidence: Evidence) -> Findings:
    for request_id, status in evidence.ledger.ended.items():
        request = evidence.requests.get(request_id)
        if request is not None and request.status != status:
            yield Kind.OTHER, f"{request_id} was {status} and is {request.status}"


def history_explains_every_status(evidence: Evidence) -> Findings:
    for request_id, request in evidence.requests.items():
        entries = evidence.history.get(request_id, [])
        if [entry.sequence for entry in entries] != list(range(1, len(entries) + 1)):
            yield Kind.OTHER, f"the history of {request_id} has gaps"
        links = [Status.CREATING, *(entry.to_status for entry in entries)]
        if [entry.from_status for entry in entries] != links[:-1] or links[-1] != request.status:
            yield Kind.OTHER, f"the history of {request_id} does not lead to {request.status}: {links}"


def no_event_is_applied_twice(evidence: Evidence) -> Findings:
    for request_id, entries in evidence.history.items():
        for what, times in Counter((entry.action, entry.recipient_id) for entry in entries).items():
            if times > 1:
                yield Kind.OTHER, f"the history of {request_id} says {what[0]} {times} times"


def every_signature_is_known(evidence: Evidence) -> Findings:
    for request in evidence.requests.values():
        envelope = evidence.envelopes.get(request.provider_id or "", {"recipients": []})
        there = {person["id"] for person in envelope["recipients"] if person["finished_date"]}
        here = {person.provider_id for person in request.recipients if person.signed_at}
        if here != there:
            yield Kind.OTHER, f"{request.id}: signed by {len(here)} here and {len(there)} there"


def every_event_is_applied(evidence: Evidence) -> Findings:
    if evidence.unapplied_events:
        yield Kind.OTHER, f"{evidence.unapplied_events} events were never applied"


def finished_is_archived(evidence: Evidence) -> Findings:
    for request in evidence.requests.values():
        if request.status in OPEN and request.finished_at is not None:
            yield Kind.OTHER, f"{request.id} is finished and not completed"
        if request.status == Status.COMPLETED:
            for file in (request.signed_file, request.certificate_file):
                if file is None or not _is_whole(file, evidence):
                    yield Kind.LOST, f"{request.id} is completed and a file is missing or torn"


def every_change_is_told_once(evidence: Evidence) -> Findings:
    for request_id in evidence.requests:
        entries = evidence.history.get(request_id, [])
        due = [(entry.sequence, str(EVENTS[entry.action])) for entry in entries if entry.action in EVENTS]
        queued = [(delivery.sequence, delivery.event) for delivery in evidence.deliveries.get(request_id, [])]
        if queued != due:
            yield Kind.LOST, f"{request_id}: deliveries are {queued} and should be {due}"


def every_delivery_has_arrived(evidence: Evidence) -> Findings:
    for request_id, deliveries in evidence.deliveries.items():
        for delivery in deliveries:
            if delivery.status != DeliveryStatus.DELIVERED:
                yield Kind.LOST, f"{request_id}: {delivery.event} ({delivery.id}) is {delivery.status}"
            elif len(evidence.receiver.bodies[str(delivery.id)]) != 1:
                yield Kind.LOST, f"{request_id}: {delivery.event} ({delivery.id}) did not arrive, or not the same twice"
    if evidence.receiver.forged:
        yield Kind.OTHER, f"{evidence.receiver.forged} deliveries carried a wrong signature"


def clients_saw_nothing_wrong(evidence: Evidence) -> Findings:
    for sentence in evidence.ledger.violations:
        yield Kind.OTHER, sentence


CHECKS: tuple[Callable[[Evidence], Findings], ...] = (
    one_create_call_per_request,
    one_envelope_per_request,
    one_live_envelope_per_key,
    one_invitation_each,
    what_was_acknowledged_is_kept,
    every_key_has_one_answer,
    every_envelope_has_a_request,
    nothing_is_in_doubt,
    both_sides_agree,
    endings_are_final,
    history_explains_every_status,
    no_event_is_applied_twice,
    every_signature_is_known,
    every_event_is_applied,
    finished_is_archived,
    every_change_is_told_once,
    every_delivery_has_arrived,
    clients_saw_nothing_wrong,
)


def _is_whole(file: StoredFile, evidence: Evidence) -> bool:
    try:
        return len(evidence.storage.read(file.key)) == file.size
    except FileNotFoundError:
        return False


def _described(envelopes: list[dict]) -> list[str]:
    return [f"{each['id']} ({each['status']}, ref {each['ref']})" for each in envelopes]
