"""The checks of the soak find what is wrong: each broken promise is seen, and an unbroken one is not."""

from collections import defaultdict
from types import SimpleNamespace
from uuid import UUID

import pytest

from app.domain import clock
from app.domain.ids import new_id
from app.models import HistoryEntry, Recipient, SignatureRequest, WebhookDelivery
from tests.soak.evidence import Evidence
from tests.soak.invariants import Kind, violations
from tests.soak.ledger import Ledger, Order

REQUEST = "0193c2c3-2222-7aaa-8bbb-000000000002"
OTHER_REQUEST = "0193c2c3-2222-7aaa-8bbb-000000000003"


class Case:
    """One order, one request and its envelope, which agree until a test changes something."""

    def __init__(self):
        self.ledger = Ledger()
        self.order = Order("key", {}, answers=[(201, REQUEST)])
        self.ledger.open(self.order)
        self.request = make_request()
        self.requests = {REQUEST: self.request}
        self.history = [entry(1, "send", "creating", "sent")]
        self.envelope = make_envelope("envelope-1")
        self.envelopes = [self.envelope]
        self.create_calls = {REQUEST: ["none"]}
        self.unapplied_events = 0
        self.files = {}
        self.delivery = make_delivery(1, "signature.sent")
        self.deliveries = [self.delivery]
        self.receiver = SimpleNamespace(bodies=defaultdict(set, {str(self.delivery.id): {b"sent"}}), forged=0)

    def found(self):
        evidence = Evidence(
            requests=self.requests,
            history={REQUEST: self.history},
            unapplied_events=self.unapplied_events,
            deliveries={REQUEST: self.deliveries},
            receiver=self.receiver,
            envelopes={each["id"]: each for each in self.envelopes},
            create_calls=self.create_calls,
            ledger=self.ledger,
            storage=SimpleNamespace(read=self._read),
        )
        return violations(evidence)

    def _read(self, key):
        if key not in self.files:
            raise FileNotFoundError(key)
        return self.files[key]


def make_request():
    return SignatureRequest(
        id=UUID(REQUEST),
        status="sent",
        provider_id="envelope-1",
        created_at=clock.utcnow(),
        recipients=[Recipient(provider_id="person-1")],
    )


def make_envelope(envelope_id, **changes):
    return {
        "id": envelope_id,
        "ref": REQUEST,
        "name": "Contract key.",
        "status": "in_progress",
        "invited": ["jane@example.com"],
        "recipients": [{"id": "person-1", "finished_date": None}],
    } | changes


def entry(sequence, action, before, after, recipient_id=None):
    return HistoryEntry(
        sequence=sequence, action=action, from_status=before, to_status=after, recipient_id=recipient_id
    )


def make_delivery(sequence, event):
    return WebhookDelivery(id=new_id(), sequence=sequence, event=event, status="delivered")


def tell_nobody(case):
    case.deliveries.clear()


def tell_twice(case):
    case.deliveries.append(make_delivery(1, "signature.sent"))


def leave_a_delivery(case):
    case.delivery.status = "pending"


def lose_a_delivery(case):
    case.receiver.bodies[str(case.delivery.id)].clear()


def forge_a_delivery(case):
    case.receiver.forged = 1


def call_create_twice(case):
    case.create_calls[REQUEST].append("none")


def make_two_envelopes(case):
    case.envelopes.append(make_envelope("envelope-2", status="cancelled"))


def make_two_live_envelopes_for_a_key(case):
    case.envelopes.append(make_envelope("envelope-2", ref=OTHER_REQUEST, status="finished"))


def invite_twice(case):
    case.envelope["invited"] *= 2


def answer_with_two_ids(case):
    case.order.answers.append((200, OTHER_REQUEST))
    case.requests[OTHER_REQUEST] = make_request()


def lose_the_row(case):
    del case.requests[REQUEST]


def lose_the_envelope(case):
    case.envelopes.clear()


def leave_an_unknown_envelope(case):
    case.envelopes.append(make_envelope("envelope-2", ref=OTHER_REQUEST, name="Another contract."))


def adopt_a_strangers_envelope(case):
    case.envelope["ref"] = OTHER_REQUEST


def finish_without_a_file(case):
    case.request.status = "completed"
    case.envelope["status"] = "finished"
    case.history.append(entry(2, "complete", "sent", "completed"))


def stay_creating(case):
    case.request.status = "creating"
    case.request.provider_id = None
    case.history.clear()


def leave_a_key_unanswered(case):
    case.order.answers.clear()


def miss_an_end(case):
    case.envelope["status"] = "declined"


def change_an_end(case):
    case.ledger.seen({"id": REQUEST, "status": "cancelled"})


def skip_a_step(case):
    case.history.append(entry(3, "view", "sent", "sent"))


def change_without_history(case):
    case.request.status = "viewed"


def apply_twice(case):
    case.history += [entry(2, "recipient_signed", "sent", "sent"), entry(3, "recipient_signed", "sent", "sent")]


def miss_a_signature(case):
    case.envelope["recipients"][0]["finished_date"] = "2026-06-05T10:00:00.000+00:00"


def leave_an_event(case):
    case.unapplied_events = 1


def complain(case):
    case.ledger.violated("create answered 500")


BREAKS = {
    Kind.DUPLICATE: [
        call_create_twice,
        make_two_envelopes,
        make_two_live_envelopes_for_a_key,
        invite_twice,
        answer_with_two_ids,
    ],
    Kind.LOST: [
        lose_the_row,
        lose_the_envelope,
        leave_an_unknown_envelope,
        adopt_a_strangers_envelope,
        finish_without_a_file,
        tell_nobody,
        tell_twice,
        leave_a_delivery,
        lose_a_delivery,
    ],
    Kind.IN_DOUBT: [stay_creating, leave_a_key_unanswered],
    Kind.OTHER: [
        miss_an_end,
        change_an_end,
        skip_a_step,
        change_without_history,
        apply_twice,
        miss_a_signature,
        leave_an_event,
        forge_a_delivery,
        complain,
    ],
}


def test_nothing_is_found_where_both_sides_agree():
    assert Case().found() == []


@pytest.mark.parametrize(("kind", "break_it"), [(kind, each) for kind, breaks in BREAKS.items() for each in breaks])
def test_a_broken_promise_is_found(kind, break_it):
    case = Case()
    break_it(case)
    assert kind in {violation.kind for violation in case.found()}
