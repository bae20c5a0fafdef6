"""How deliveries are made: attempts, order, limits, and what a dying worker costs (contract section 5)."""

import threading
from datetime import timedelta

import pytest

from app import worker
from app.domain import clock
from app.extensions import db
from app.models import DeliveryStatus, WebhookDelivery
from app.services import deliveries as service
from app.services import delivering, lanes, leases
from app.services.unit_of_work import unit_of_work
from tests.builders.ceremonies import work
from tests.fakes.webhooks import answering, unreachable
from tests.threads import PATIENCE, at_once
from tests.webhooks import URL, attempts, deliveries, subscribe, subscription

SCHEDULE = (0, 30, 300, 3600, 21600, 86400)
OTHER_URL = "https://other.example/hook"


@pytest.fixture
def subscribed(app, api, time):
    return subscribe(app, api)


def cancel(api, created):
    assert api.post(f"/v1/signatures/{created['id']}/cancel").status_code == 200


def queue_tests(app, api, time, subscribed, count=1):
    """Queue deliveries, a millisecond apart, that are about no request, so that none waits for another."""
    queued = []
    with app.app_context():
        for _ in range(count):
            time.advance(milliseconds=1)
            queued.append(service.queue_test(subscribed.id, project_id=api.project_id).id)
    return queued


def statuses(app):
    return [delivery.status for delivery in deliveries(app)]


def run(app, time, **duration):
    """Let that much time pass; the worker is there whenever something becomes due."""
    end = time.now + timedelta(**duration)
    work(app)
    while (due := min((each.due_at for each in deliveries(app) if each.due_at), default=end)) < end:
        assert due > time.now, "a delivery that was due was not sent"
        time.now = due
        work(app)
    time.now = end
    work(app)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_delivers(app, api, subscribed, webhooks, status):
    webhooks.behaviours[URL] = answering(status)
    api.created()
    work(app)

    (delivery,) = deliveries(app)
    (attempt,) = attempts(app)
    assert (delivery.status, delivery.attempts_made, delivery.due_at) == ("delivered", 1, None)
    assert (attempt.number, attempt.status, attempt.error) == (1, status, None)


@pytest.mark.parametrize("behaviour", [unreachable, answering(302), answering(404), answering(429), answering(500)])
def test_six_attempts_are_made_on_the_schedule_and_then_no_more(app, api, subscribed, webhooks, time, behaviour):
    webhooks.behaviours[URL] = behaviour
    api.created()
    for wait in SCHEDULE:
        time.advance(seconds=0.79 * wait)
        before = len(webhooks.sent)
        work(app)
        assert len(webhooks.sent) == before + (wait == 0)
        time.advance(seconds=0.42 * wait)
        work(app)
    run(app, time, hours=30)

    (delivery,) = deliveries(app)
    assert delivery.status == "abandoned"
    assert len(webhooks.sent) == 6
    assert [attempt.number for attempt in attempts(app)] == [1, 2, 3, 4, 5, 6]


def test_all_attempts_carry_the_same_bytes_and_id_and_a_fresh_time(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    api.created()
    work(app)
    time.advance(seconds=40)
    work(app)

    first, second = webhooks.sent
    assert (first.body, first.delivery_id, first.secrets) == (second.body, second.delivery_id, second.secrets)
    assert second.sent_at - first.sent_at == timedelta(seconds=40)


def test_waits_differ_so_that_what_failed_together_does_not_return_together(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    queue_tests(app, api, time, subscribed, 20)
    work(app)

    waits = {(delivery.due_at - clock.utcnow()).total_seconds() for delivery in deliveries(app)}
    assert len(waits) > 10
    assert all(24 <= wait <= 36 for wait in waits)


@pytest.mark.parametrize(("asked", "waits"), [(7200, 7200), (10**9, 86400)])
def test_a_receiver_may_ask_for_more_time_up_to_a_day(app, api, subscribed, webhooks, asked, waits):
    webhooks.behaviours[URL] = answering(503, retry_after=asked)
    api.created()
    work(app)

    (delivery,) = deliveries(app)
    assert delivery.due_at - clock.utcnow() == timedelta(seconds=waits)


def test_a_receiver_cannot_ask_for_less_time(app, api, subscribed, webhooks):
    webhooks.behaviours[URL] = answering(429, retry_after=1)
    api.created()
    work(app)

    (delivery,) = deliveries(app)
    assert delivery.due_at - clock.utcnow() >= timedelta(seconds=24)


def test_410_abandons_the_delivery_at_once_and_switches_the_webhook_off(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    queue_tests(app, api, time, subscribed)
    work(app)
    webhooks.behaviours[URL] = answering(410)
    queue_tests(app, api, time, subscribed)
    work(app)
    run(app, time, hours=1)

    assert statuses(app) == ["dropped", "abandoned"]
    assert len(webhooks.sent) == 2
    shown = api.get(f"/v1/webhooks/{subscribed.id}").json
    assert (shown["active"], shown["disabledReason"]) == (False, "gone")
    assert shown["disabledAt"] == "2026-06-05T10:00:00.002Z"


def test_a_webhook_that_is_switched_on_again_forgets_why_it_was_off(app, api, subscribed, webhooks):
    webhooks.behaviours[URL] = answering(410)
    api.created()
    work(app)
    webhooks.behaviours.clear()

    shown = api.request("PATCH", f"/v1/webhooks/{subscribed.id}", json={"active": True}).json
    api.created()
    work(app)

    assert (shown["active"], shown["disabledAt"], shown["disabledReason"], shown["failingSince"]) == (True,) + (
        None,
    ) * 3
    assert statuses(app) == ["abandoned", "delivered"]


def test_switching_off_drops_what_waits(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    cancel(api, api.created())
    work(app)
    api.request("PATCH", f"/v1/webhooks/{subscribed.id}", json={"active": False})
    run(app, time, hours=1)

    assert statuses(app) == ["dropped", "dropped"]
    assert len(webhooks.sent) == 1


def test_what_waits_for_a_webhook_that_is_on_again_before_it_is_dropped_stays(app, api, subscribed, webhooks, time):
    queue_tests(app, api, time, subscribed)
    with app.app_context(), unit_of_work() as session:
        lanes.clear(session, subscribed.id)
    work(app)

    assert statuses(app) == ["delivered"]


def test_what_is_in_flight_when_its_webhook_is_switched_off_is_not_tried_again(app, api, subscribed, webhooks, time):
    def refuse(request):
        api.request("PATCH", f"/v1/webhooks/{subscribed.id}", json={"active": False})
        return unreachable(request)

    webhooks.behaviours[URL] = refuse
    api.created()
    work(app)
    run(app, time, hours=1)

    assert statuses(app) == ["dropped"]
    assert len(attempts(app)) == 1


def test_a_later_event_of_a_request_waits_for_an_earlier_one(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    created = api.created()
    work(app)
    cancel(api, created)
    time.advance(seconds=40)
    work(app)
    assert webhooks.events(URL) == ["signature.sent"] * 2

    webhooks.behaviours.clear()
    time.advance(minutes=7)
    work(app)

    assert webhooks.events(URL)[2:] == ["signature.sent", "signature.cancelled"]


def test_a_later_event_waits_for_three_attempts_and_not_longer(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    created = api.created()
    cancel(api, created)
    run(app, time, minutes=15)

    assert webhooks.events(URL)[:4] == ["signature.sent"] * 3 + ["signature.cancelled"]
    run(app, time, hours=45)
    assert statuses(app) == ["abandoned", "abandoned"]
    assert webhooks.events(URL).count("signature.cancelled") == 6


def test_events_of_other_requests_and_for_other_receivers_do_not_wait(app, api, subscribed, webhooks):
    other = subscribe(app, api, url=OTHER_URL)
    webhooks.behaviours[URL] = unreachable
    cancel(api, api.created())
    cancel(api, api.created())
    work(app)

    assert webhooks.events(URL) == ["signature.sent"] * 2
    assert sorted(webhooks.events(OTHER_URL)) == ["signature.cancelled"] * 2 + ["signature.sent"] * 2
    assert other.id


def test_a_receiver_that_hangs_delays_no_other(app, api, subscribed, webhooks, time):
    others_done = threading.Event()

    def hang(request):
        assert others_done.wait(PATIENCE)
        return unreachable(request)

    def answer(request):
        if len(webhooks.events(OTHER_URL)) == 30:
            others_done.set()
        return answering(204)(request)

    webhooks.behaviours |= {URL: hang, OTHER_URL: answer}
    queue_tests(app, api, time, subscribed, 100)
    queue_tests(app, api, time, subscribe(app, api, url=OTHER_URL), 30)
    with app.app_context():
        delivering.run_once(limit=lanes.WINDOW + 8, deps=app.extensions["countersign"])

    assert others_done.is_set()
    assert statuses(app).count("delivered") == 30


def test_a_receiver_has_to_bear_only_so_many_attempts_at_a_time(app, api, subscribed, webhooks, time):
    at_a_time = Crowd()
    webhooks.behaviours[URL] = at_a_time
    queue_tests(app, api, time, subscribed, 60)
    work(app)

    assert at_a_time.most <= lanes.WINDOW
    assert statuses(app) == ["delivered"] * 60


class Crowd:
    """A receiver that counts how many requests it is at."""

    def __init__(self):
        self.lock = threading.Lock()
        self.present = self.most = 0

    def __call__(self, request):
        with self.lock:
            self.present += 1
            self.most = max(self.most, self.present)
        answer = answering(204)(request)
        with self.lock:
            self.present -= 1
        return answer


def test_receivers_that_fail_never_take_all_threads(app, api, webhooks, time):
    failing = [subscribe(app, api, url=f"https://{number}.example/") for number in range(6)]
    webhooks.behaviours |= {each.url: unreachable for each in failing}
    for each in failing:
        queue_tests(app, api, time, each, 2)
    work(app)
    time.advance(minutes=1)
    with app.app_context():
        flights = delivering._turn((), (), limit=8, deps=app.extensions["countersign"])

    assert len(flights) == 4
    assert all(flight.is_failing for flight in flights)


def test_while_a_secret_is_rotated_both_sign(app, api, subscribed, webhooks, time):
    old = subscribed.secret
    new = api.post(f"/v1/webhooks/{subscribed.id}/rotate-secret").json["secret"]
    for hours in (0, 23, 2):
        time.advance(hours=hours)
        queue_tests(app, api, time, subscribed)
        work(app)

    assert [request.secrets for request in webhooks.sent] == [(new, old), (new, old), (new,)]


def test_five_days_of_failures_switch_a_webhook_off(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    days = 0
    while subscription(app, subscribed.id).active:
        queue_tests(app, api, time, subscribed)
        run(app, time, days=1)
        days += 1
        assert days < 10

    assert 5 <= days <= 7
    assert api.get(f"/v1/webhooks/{subscribed.id}").json["disabledReason"] == "failing"
    assert set(statuses(app)) == {"abandoned", "dropped"}


def test_one_success_within_five_days_keeps_a_webhook_on(app, api, subscribed, webhooks, time):
    for day in range(14):
        webhooks.behaviours[URL] = answering(204) if day % 4 == 0 else unreachable
        queue_tests(app, api, time, subscribed)
        run(app, time, days=1)

    assert subscription(app, subscribed.id).active


def test_one_bad_hour_long_ago_switches_nothing_off(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    queue_tests(app, api, time, subscribed)
    run(app, time, hours=45)
    time.advance(days=30)
    queue_tests(app, api, time, subscribed)
    work(app)

    assert subscription(app, subscribed.id).active


def test_a_worker_that_dies_in_the_middle_costs_its_lease_and_no_attempt(app, api, subscribed, webhooks, deps, time):
    api.created()
    with app.app_context():
        delivering._turn((), (), limit=5, deps=deps)
    work(app)
    assert webhooks.sent == []

    time.advance(seconds=61)
    work(app)

    (delivery,) = deliveries(app)
    assert (delivery.status, delivery.attempts_made) == ("delivered", 1)


def test_a_delivery_that_kills_its_worker_again_and_again_is_abandoned(app, api, subscribed, webhooks, deps, time):
    api.created()
    for _ in range(delivering.MOST_INTERRUPTIONS + 1):
        with app.app_context():
            assert len(delivering._turn((), (), limit=5, deps=deps)) == 1
        time.advance(seconds=61)
    run(app, time, hours=45)

    (delivery,) = deliveries(app)
    assert delivery.status == "abandoned"
    assert [attempt.error for attempt in attempts(app)] == ["internal"] * 6
    assert webhooks.sent == []


def test_who_lost_the_lease_records_nothing(app, api, subscribed, webhooks, deps, time):
    def be_overtaken(request):
        time.advance(seconds=61)
        webhooks.behaviours.clear()
        with app.app_context():
            delivering.run_once(limit=1, deps=deps)
        return unreachable(request)

    webhooks.behaviours[URL] = be_overtaken
    api.created()
    work(app)

    assert [(attempt.number, attempt.status) for attempt in attempts(app)] == [(1, 204)]
    assert statuses(app) == ["delivered"]


def test_a_fault_of_ours_counts_as_a_failed_attempt_and_stops_nothing_else(app, api, subscribed, webhooks):
    def fail(_request):
        raise ValueError("this secret cannot sign")

    webhooks.behaviours[URL] = fail
    subscribe(app, api, url=OTHER_URL)
    api.created()
    work(app)

    assert sorted(statuses(app)) == ["delivered", "pending"]
    assert {attempt.error for attempt in attempts(app)} == {None, "internal"}


def test_a_worker_that_is_stopped_finishes_what_is_in_flight_and_begins_no_more(
    app, api, subscribed, webhooks, deps, time
):
    stop = threading.Event()

    def stop_while_sending(request):
        stop.set()
        return answering(204)(request)

    webhooks.behaviours[URL] = stop_while_sending
    queue_tests(app, api, time, subscribed, 50)
    worker.run(app, deps, stop)

    found = statuses(app)
    assert 1 <= found.count("delivered") <= lanes.WINDOW
    assert found.count("delivered") == len(webhooks.sent)


def test_no_transaction_is_open_while_a_delivery_is_sent(app, api, subscribed, webhooks):
    with app.app_context():
        pool = db.engine.pool
    open_connections = []

    def look(request):
        open_connections.append(pool.checkedout())
        return answering(204)(request)

    webhooks.behaviours[URL] = look
    api.created()
    work(app)

    assert open_connections == [0]


def test_workers_at_once_make_each_attempt_once(app, api, subscribed, webhooks, deps, time):
    queued = queue_tests(app, api, time, subscribed, 80)

    def deliver(_number):
        with app.app_context():
            return delivering.run_once(limit=4, deps=deps)

    assert sum(at_once(4, deliver)) == 80
    assert sorted(request.delivery_id for request in webhooks.sent) == sorted(queued)


def test_many_are_sent_again_at_once(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    first, second = (api.created() for _ in range(2))
    cancel(api, first)
    cancel(api, second)
    run(app, time, hours=70)
    assert statuses(app) == ["abandoned"] * 4
    sent_before = len(webhooks.sent)
    webhooks.behaviours.clear()
    since = clock.utcnow() - timedelta(days=4)

    with app.app_context():
        assert service.count_to_redeliver(since=since, status=DeliveryStatus.ABANDONED) == 4
        assert service.count_to_redeliver(since=clock.utcnow(), status=DeliveryStatus.ABANDONED) == 0
        assert service.redeliver_all(since=since, status=DeliveryStatus.ABANDONED) == 4
    time.advance(seconds=1)
    work(app)

    assert statuses(app) == ["delivered"] * 4
    for created in (first, second):
        again = [each.event for each in webhooks.sent[sent_before:] if created["id"].encode() in each.body]
        assert again == ["signature.sent", "signature.cancelled"]


def test_what_is_sent_again_has_all_its_attempts_before_it(app, api, subscribed, webhooks, time):
    webhooks.behaviours[URL] = unreachable
    api.created()
    run(app, time, hours=45)
    (delivery,) = deliveries(app)

    api.post(f"/v1/webhooks/{subscribed.id}/deliveries/{delivery.id}/redeliver")
    run(app, time, hours=45)

    (delivery,) = deliveries(app)
    assert (delivery.status, delivery.attempts_made) == ("abandoned", 12)
    assert [attempt.number for attempt in attempts(app)] == list(range(1, 13))


def test_a_claim_does_not_read_what_waits_behind_a_window(app, api, subscribed, deps, time):
    queue_tests(app, api, time, subscribed, 40)
    with app.app_context(), unit_of_work() as session:
        claims = lanes.claim(session, failing=False, limit=100, lease=timedelta(minutes=1))
        again = lanes.claim(session, failing=False, limit=100, lease=timedelta(minutes=1))

    assert len(claims) == lanes.WINDOW
    assert again == []


def test_the_window_moves_on_when_what_is_in_it_is_done(app, api, subscribed, deps, time):
    queued = queue_tests(app, api, time, subscribed, lanes.WINDOW + 3)
    with app.app_context():
        with unit_of_work() as session:
            claims = lanes.claim(session, failing=False, limit=3, lease=timedelta(minutes=1))
        with unit_of_work() as session:
            for held in claims:
                row = session.get_one(WebhookDelivery, held.row_id)
                assert leases.holds(row, held)
                service.finish(row, DeliveryStatus.DELIVERED)
        with unit_of_work() as session:
            claims = lanes.claim(session, failing=False, limit=100, lease=timedelta(minutes=1))

    assert sorted(held.row_id for held in claims) == sorted(queued[3:])
