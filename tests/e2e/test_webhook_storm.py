"""Five thousand events for receivers that misbehave in every way: real HTTP, and a schedule of seconds."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import worker
from app.api.deps import EXTENSION
from app.domain import clock
from app.domain.events import Event
from app.domain.ids import new_id
from app.domain.lifecycle import Action, Status
from app.extensions import db
from app.factory import create_app
from app.models import Recipient, SignatureRequest, WebhookAttempt, WebhookDelivery
from app.services import transitions, webhooks
from app.services.delivery_order import HOLDS_FOR_ATTEMPTS
from app.services.paging import stamp_created_at
from app.services.renders import reserve
from app.services.unit_of_work import reading, unit_of_work
from tests.callers import make_caller
from tests.conftest import make_settings
from tests.fakes import receiver
from tests.fakes.receiver import Received, Receiver

pytestmark = pytest.mark.crashes

SEED = 20261120
SCHEDULE = (0, 0.1, 0.2, 0.3, 0.4, 0.5)
TIME_LIMIT = 2
PATIENCE = 180

BUSY_REQUESTS = 307
UNLUCKY_REQUESTS = 10
CANCELLED_REQUESTS = 4

#: Path: how it behaves, and what it hears of.
BUSY = {
    "/accepts": (receiver.accept, tuple(Event)),
    "/accepts-too": (receiver.accept, tuple(Event)),
    "/is-flaky": (receiver.flaky(SEED, share=0.2), tuple(Event)),
    "/comes-back": (receiver.come_back(after=40), tuple(Event)),
    "/leaves": (receiver.leave(after=100), tuple(Event)),
}
UNLUCKY = {
    "/fails": (receiver.fail, tuple(Event)),
    "/redirects": (receiver.redirect, tuple(Event)),
    "/hangs": (receiver.hang, (Event.CANCELLED,)),
    "/drips": (receiver.drip, (Event.CANCELLED,)),
}
#: Of a busy request four events, for four receivers that stay; of an unlucky one three, for two; and a few cancels.
EVENTS = 16 * BUSY_REQUESTS + 8 * UNLUCKY_REQUESTS + 2 * CANCELLED_REQUESTS


@dataclass
class Storm:
    """What was told to whom, as the database and the receivers remember it."""

    paths: Mapping[UUID, str]
    deliveries: Sequence[WebhookDelivery]
    attempts: Mapping[UUID, Sequence[WebhookAttempt]]
    received: Sequence[Received]
    complaints: Sequence[str]
    requests: Mapping[str, Sequence[UUID]] = field(default_factory=dict)

    def of(self, path: str) -> list[WebhookDelivery]:
        return [delivery for delivery in self.deliveries if self.paths[delivery.subscription_id] == path]

    def statuses(self, path: str) -> Counter[str]:
        return Counter(delivery.status for delivery in self.of(path))


@pytest.fixture(scope="module")
def storm(database_template, tmp_path_factory) -> Iterator[Storm]:
    folder = tmp_path_factory.mktemp("storm")
    everybody = BUSY | UNLUCKY
    with (
        database_template.copy(folder) as url,
        Receiver({path: behaviour for path, (behaviour, _) in everybody.items()}) as server,
    ):
        app = create_app(
            replace(
                make_settings(url, folder),
                webhook_retry_seconds=SCHEDULE,
                webhook_timeout=TIME_LIMIT,
                webhook_allow_insecure=True,
                worker_idle_seconds=0.02,
            )
        )
        with app.app_context():
            paths, requests = {}, {}
            for name, receivers in (("busy", BUSY), ("unlucky", UNLUCKY)):
                project_id = make_caller(app, name).project_id
                paths |= subscribe(app, server, project_id, receivers)
                requests[name] = prepare(project_id, BUSY_REQUESTS if name == "busy" else UNLUCKY_REQUESTS)
            with working(app):
                live(requests)
                await_the_end()
            yield read(paths, server, requests)
            db.engine.dispose()


def subscribe(app: Flask, server: Receiver, project_id: UUID, receivers) -> dict[UUID, str]:
    paths = {}
    for path, (_, events) in receivers.items():
        deps = app.extensions[EXTENSION]
        subscription = webhooks.create(project_id=project_id, url=server.url + path, events=events, deps=deps)
        server.secrets[path] = subscription.secret
        paths[subscription.id] = path
    return paths


def prepare(project_id: UUID, count: int) -> list[UUID]:
    """Store requests that are about to be sent."""
    render, _ = reserve(project_id=project_id, idempotency_key=None)
    now = clock.utcnow()
    requests = [
        SignatureRequest(
            id=new_id(),
            project_id=project_id,
            render_id=render.id,
            name=f"Contract {number}",
            status=Status.CREATING,
            expiration_hours=168,
            claimed_at=now,
            recipients=[
                Recipient(
                    position=0, provider_id="p", first_name="Jane", email="j@example.com", designation="Signer", order=1
                )
            ],
        )
        for number in range(count)
    ]
    with unit_of_work() as session:
        session.add_all(requests)
    return [request.id for request in requests]


def live(requests: Mapping[str, Sequence[UUID]]) -> None:
    """Lead every request to its end, in two steps, while the worker delivers."""
    everything = [*requests["unlucky"], *requests["busy"]]
    for request_id in everything:
        with unit_of_work() as session:
            request = transitions.lock(session, request_id)
            request.created_at = stamp_created_at(session, SignatureRequest, request.project_id)
            transitions.apply(session, request, Action.SEND, cause="test")
            transitions.apply(session, request, Action.VIEW, cause="test")
    for number, request_id in enumerate(everything):
        with unit_of_work() as session:
            request = transitions.lock(session, request_id)
            (recipient,) = request.recipients
            transitions.mark_signed(session, request, recipient, at=clock.utcnow(), cause="test")
            end = Action.CANCEL if number < CANCELLED_REQUESTS else Action.COMPLETE
            transitions.apply(session, request, end, cause="test")


@contextmanager
def working(app: Flask) -> Iterator[None]:
    """Run the worker, as `countersign worker` does."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(app, app.extensions[EXTENSION], stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def await_the_end() -> None:
    """Wait until nothing is left to deliver."""
    end = clock.monotonic() + PATIENCE
    still_open = select(func.count()).select_from(WebhookDelivery).where(WebhookDelivery.finished_at.is_(None))
    while True:
        with reading() as session:
            waiting = session.scalar(still_open)
        if waiting == 0:
            return
        assert clock.monotonic() < end, f"{waiting} deliveries have not ended"
        clock.sleep(0.1)


def read(paths: Mapping[UUID, str], server: Receiver, requests: Mapping[str, Sequence[UUID]]) -> Storm:
    attempts: dict[UUID, list[WebhookAttempt]] = defaultdict(list)
    with reading() as session:
        deliveries = session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.created_at)).all()
        for attempt in session.scalars(select(WebhookAttempt).order_by(WebhookAttempt.number)):
            attempts[attempt.delivery_id].append(attempt)
    return Storm(paths, deliveries, attempts, list(server.received), list(server.complaints), requests)


def test_no_event_is_missing(storm: Storm):
    told = Counter((storm.paths[each.subscription_id], each.request_id, each.event) for each in storm.deliveries)

    assert set(told.values()) == {1}
    assert sum(path != "/leaves" for path, _, _ in told) == EVENTS == 5000


def test_every_event_ends_delivered_abandoned_or_dropped(storm: Storm):
    assert set(storm.statuses("/accepts") + storm.statuses("/accepts-too")) == {"delivered"}
    assert storm.statuses("/comes-back")["delivered"] > 0
    assert set(storm.statuses("/is-flaky")) <= {"delivered", "abandoned"}
    for path in UNLUCKY:
        assert set(storm.statuses(path)) == {"abandoned"}
    assert set(storm.statuses("/leaves")) == {"delivered", "abandoned", "dropped"}


def test_what_is_abandoned_had_exactly_six_attempts(storm: Storm):
    for delivery in storm.deliveries:
        count = len(storm.attempts[delivery.id])
        assert count == delivery.attempts_made
        assert [attempt.number for attempt in storm.attempts[delivery.id]] == list(range(1, count + 1))
        is_given_up = delivery.status == "abandoned" and storm.paths[delivery.subscription_id] != "/leaves"
        assert count == 6 if is_given_up else count <= 6


def test_what_is_delivered_was_taken_once_and_last(storm: Storm):
    for delivery in storm.deliveries:
        taken = [attempt.status in range(200, 300) for attempt in storm.attempts[delivery.id]]
        assert taken.count(True) == (delivery.status == "delivered")
        assert not any(taken[:-1])


def test_every_attempt_that_was_made_is_recorded_and_no_other(storm: Storm):
    made = Counter(UUID(received.delivery_id) for received in storm.received)

    assert set(made) <= set(storm.attempts)
    for delivery_id, attempts in storm.attempts.items():
        # On a busy machine an attempt can run out of time before the receiver has heard of it.
        surely_made = [attempt for attempt in attempts if attempt.error != "timeout"]
        assert len(surely_made) <= made[delivery_id] <= len(attempts)


def test_all_attempts_verify_and_carry_the_same_bytes(storm: Storm):
    bodies = defaultdict(set)
    for received in storm.received:
        bodies[received.delivery_id].add(received.body)

    assert storm.complaints == []
    assert {len(variants) for variants in bodies.values()} == {1}


def test_each_misbehaviour_is_told_apart(storm: Storm):
    def outcomes(path):
        return {(each.status, each.error) for delivery in storm.of(path) for each in storm.attempts[delivery.id]}

    out_of_time = {(None, "timeout")}  # On a busy machine any attempt can be.
    assert outcomes("/fails") - out_of_time == {(500, None)}
    assert outcomes("/redirects") - out_of_time == {(302, "redirect")}
    assert outcomes("/hangs") == out_of_time
    assert outcomes("/drips") - out_of_time == {(None, "too_slow")}
    assert outcomes("/comes-back") - out_of_time == {(200, None), (None, "connection")}


def test_a_later_event_waited_for_an_earlier_one_through_three_attempts(storm: Storm):
    lanes = defaultdict(list)
    for delivery in storm.deliveries:
        lanes[delivery.subscription_id, delivery.request_id].append(delivery)
    for lane in lanes.values():
        for earlier, later in pairwise(sorted(lane, key=lambda delivery: delivery.sequence)):
            if storm.attempts[later.id]:
                gate = storm.attempts[earlier.id][:HOLDS_FOR_ATTEMPTS][-1]
                assert storm.attempts[later.id][0].at >= gate.at


def test_the_redirects_target_heard_nothing(storm: Storm):
    unlucky = {str(request_id).encode() for request_id in storm.requests["unlucky"]}

    assert not [each for each in storm.received if each.path == "/accepts" and any(u in each.body for u in unlucky)]


def test_one_that_left_was_switched_off_and_heard_no_more(storm: Storm):
    (subscription_id,) = (each for each, path in storm.paths.items() if path == "/leaves")
    answers = [received.answered for received in storm.received if received.path == "/leaves"]

    assert answers.count(200) == 100
    # Those that were on their way when the first was refused.
    assert 1 <= answers.count(410) <= 40
    assert subscription_id
