"""Events for the API, delivered to a real HTTP server and checked with the API's own verifier."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import structlog
from sqlalchemy import select, update

from app.domain.errors import InvalidProviderEvent
from app.gateways.signing.events import HmacEventVerifier
from app.signer.mail import MAX_ATTEMPTS
from app.signer.models import Mail, OutgoingEvent
from app.signer.webhook_switch import WebhookSwitch
from tests.signer.service import CLIENT

SECRET = "secret-of-the-events-0123456789"
OLD_SECRET = "secret-of-last-year-0123456789"


@dataclass
class Receiver:
    """An HTTP server that notes what it gets; `statuses` are its first answers, then 200."""

    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def types(self):
        return [json.loads(body)["type"] for _, body in self.got]

    def handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Be quiet."""

        return Handler


@pytest.fixture
def receiver():
    return Receiver()


@contextmanager
def listening(receiver):
    server = ThreadingHTTPServer(("127.0.0.1", 0), receiver.handler())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks/signing-provider"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def told(start_service, receiver):
    """Start a service that tells the receiver."""
    with listening(receiver) as url:
        yield start_service(webhook_url=url, webhook_secret=SECRET)


def rows(service):
    with service.parts.database.reading() as session:
        return list(session.scalars(select(OutgoingEvent).order_by(OutgoingEvent.created_at)))


def test_the_whole_life_is_told_in_order(told, receiver):
    told.send()
    told.sign()
    assert receiver.types == [
        "signing_request.created",
        "signing_request.sent",
        "signing_request.viewed",
        "signing_request.recipient.signed",
        "signing_request.completed",
        "signing_request.certificate.generated",
    ]


def test_cancel_decline_and_expiry_are_told(told, receiver, time):
    told.cancel(told.send())
    told.send()
    told.ceremony.decline(told.token(), reason="No", client=CLIENT)
    told.send(expiration_hours=1)
    time.advance(hours=2)
    told.work()
    assert {
        "signing_request.cancelled",
        "signing_request.recipient.declined",
        "signing_request.expired",
    } <= set(receiver.types)


def test_a_mail_that_could_not_be_delivered_is_told(told, receiver):
    told.settings.mail_folder.write_text("in the way")
    envelope_id = told.send()
    with told.parts.database.unit_of_work() as session:
        session.execute(update(Mail).values(attempts=MAX_ATTEMPTS - 1, next_attempt_at=Mail.created_at))
    told.work()
    assert receiver.types[-1] == "signing_request.recipient.mail_failed"
    assert json.loads(receiver.got[-1][1])["data"]["signing_request"]["id"] == envelope_id
    assert receiver.types.count("signing_request.recipient.mail_failed") == 1


def test_the_api_accepts_what_is_sent(told, receiver):
    envelope_id = told.send()
    headers, body = receiver.got[0]
    notice = HmacEventVerifier([SECRET]).verify(body, headers)
    assert notice.type == "signing_request.created" == headers["X-Firma-Event"]
    assert notice.provider_id == envelope_id
    with pytest.raises(InvalidProviderEvent):
        HmacEventVerifier([SECRET]).verify(body + b" ", headers)


def test_the_body_is_compact_and_says_who(told, receiver):
    told.send(name="Lease für Zoë")
    body = receiver.got[0][1]
    event = json.loads(body)
    assert body == json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    assert event["data"]["signing_request"]["name"] == "Lease für Zoë"
    assert event["data"]["recipients"][0]["email"] == "person1@example.test"
    assert b"/signing/" not in body


def test_while_the_secret_is_changed_the_old_one_signs_as_well(start_service, receiver):
    with listening(receiver) as url:
        start_service(webhook_url=url, webhook_secret=SECRET, webhook_old_secret=OLD_SECRET).send()
    headers, body = receiver.got[0]
    for known in (SECRET, OLD_SECRET):
        assert HmacEventVerifier([known]).verify(body, headers).type == "signing_request.created"
    with pytest.raises(InvalidProviderEvent):
        HmacEventVerifier(["another-secret-0123456789"]).verify(body, headers)


def test_a_failed_event_is_sent_again_the_same_under_another_delivery(told, receiver, time):
    receiver.statuses = [500, 500]
    told.send()
    time.advance(minutes=5)
    told.work()
    first, again = receiver.got[0], receiver.got[2]
    assert first[1] == again[1]
    assert first[0]["X-Firma-Delivery"] != again[0]["X-Firma-Delivery"]
    assert first[0]["X-Firma-Signature"] != again[0]["X-Firma-Signature"]
    assert all(row.delivered_at for row in rows(told))


def test_there_are_three_attempts_five_minutes_and_an_hour_apart(told, receiver, time):
    receiver.statuses = [503] * 6
    told.send()
    assert len(receiver.got) == 2
    for wait, expected in ((299, 2), (1, 4), (3599, 4), (1, 6), (86_400, 6)):
        time.advance(seconds=wait)
        told.work()
        assert len(receiver.got) == expected
    assert all(row.abandoned_at and row.last_error == "The receiver answered 503." for row in rows(told))


def test_a_redirect_is_a_failure_and_not_followed(told, receiver):
    receiver.statuses = [302, 302]
    told.send()
    assert len(receiver.got) == 2
    assert not any(row.delivered_at for row in rows(told))


def test_a_receiver_that_is_down_is_tried_again(start_service, time):
    service = start_service(webhook_url="http://127.0.0.1:9/", webhook_secret=SECRET)
    service.send()
    assert [row.last_error for row in rows(service)] == ["The receiver could not be reached: ConnectionError."] * 2


def test_without_an_address_nothing_is_queued(service):
    service.send()
    assert rows(service) == []


class TestSwitchedOffAfterFailuresInARow:
    """Each envelope that is sent makes two events."""

    @pytest.fixture
    def start(self, start_service, receiver):
        """Start a service that gives up on the receiver after so many events; again and again on the same database."""
        with listening(receiver) as url:
            yield lambda disable_after: start_service(
                webhook_url=url, webhook_secret=SECRET, webhook_disable_after=disable_after
            )

    def test_new_events_are_dropped_silently(self, start, receiver, time):
        service = start(2)
        fail_two(service, receiver, time)
        receiver.got.clear()
        assert service.create().status_code == 201
        service.work()
        assert receiver.got == []
        assert len(rows(service)) == 2

    def test_pending_ones_are_not_tried(self, start, receiver, time):
        service = start(2)
        receiver.statuses = [500] * 8
        service.send()
        time.advance(minutes=5)
        service.work()
        time.advance(minutes=59)
        service.send()
        time.advance(minutes=1)
        service.work()
        assert len(receiver.got) == 8
        time.advance(minutes=4)
        service.work()
        assert len(receiver.got) == 8
        assert [bool(row.next_attempt_at) for row in rows(service)] == [False, False, True, True]

    def test_one_that_waited_its_turn_meanwhile_has_lost_no_attempt(self, start, receiver, time):
        service = start(1)
        fail_two(service, receiver, time)
        assert len(receiver.got) == 5
        assert sorted(row.attempts for row in rows(service)) == [2, 3]

    def test_the_next_start_switches_it_on_and_tells_what_waited(self, start, receiver, time):
        fail_two(start(1), receiver, time)
        receiver.statuses.clear()
        receiver.got.clear()
        again = start(1)
        again.work()
        again.send()
        assert len(receiver.got) == 1 + 2
        assert [bool(row.delivered_at) for row in rows(again)].count(True) == 3

    def test_the_count_begins_anew_after_a_start_that_switched_it_on(self, start, receiver, time):
        fail_two(start(2), receiver, time)
        again = start(3)
        fail_two(again, receiver, time)
        assert not is_off(again)

    def test_one_that_arrives_begins_the_count_anew(self, start, receiver, time):
        service = start(4)
        fail_two(service, receiver, time)
        service.send()
        fail_two(service, receiver, time)
        assert not is_off(service)
        fail_two(service, receiver, time)
        assert is_off(service)

    def test_an_attempt_that_another_may_make_good_does_not_count(self, start, receiver, time):
        service = start(1)
        receiver.statuses = [500] * 4
        service.send()
        time.advance(minutes=5)
        service.work()
        pass_an_hour(service, time)
        assert not is_off(service)
        assert all(row.delivered_at for row in rows(service))

    def test_the_count_outlives_the_process(self, start, receiver, time):
        fail_two(start(4), receiver, time)
        again = start(4)
        fail_two(again, receiver, time)
        assert is_off(again)

    def test_several_processes_lose_no_count(self, start):
        service = start(40)

        def count(_):
            with service.parts.database.unit_of_work() as session:
                WebhookSwitch(disable_after=40).count_failure(session)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(count, range(39)))
        assert not is_off(service)
        count(40)
        assert is_off(service)

    def test_one_warning_says_so(self, start, receiver, time):
        service = start(2)
        with structlog.testing.capture_logs() as logs:
            fail_two(service, receiver, time)
            service.send()
        (warning,) = (line for line in logs if line["event"] == "signer.webhook.switched_off")
        assert (warning["log_level"], warning["failures"]) == ("warning", 2)

    def test_unless_set_it_never_happens(self, told, receiver, time):
        for _ in range(3):
            fail_two(told, receiver, time)
        assert not is_off(told)
        assert len(rows(told)) == 6


def fail_two(service, receiver, time):
    """Send an envelope whose two events fail for good; the receiver is well again then."""
    receiver.statuses = [500] * 6
    service.send()
    time.advance(minutes=5)
    service.work()
    pass_an_hour(service, time)


def pass_an_hour(service, time):
    time.advance(hours=1)
    service.work()


def is_off(service):
    with service.parts.database.reading() as session:
        return WebhookSwitch(disable_after=1).is_off(session)
