"""Behaves like the provider: the eight points of the provider fact sheet, section 15, one class each.

The other tests of this folder prove the details; these are the list to be gone through. Faults are injected by the fake
provider of the tests, not by this service. It does not switch off its only receiver after fifty failures.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.builders.pdfs import make_pdf
from tests.signer.service import API_KEY, REQUESTS, make_anchor, make_body, make_field, make_recipient

ABSENT = "5ca1ab1e-0000-4000-8000-000000000009"
SECRETS = {"webhook_secret": "secret-of-the-events-0123456789", "webhook_old_secret": "secret-before-0123456789"}
RATE = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


class TestPoint1KeysRatesVersions:
    @pytest.mark.parametrize("header", [API_KEY, f"Bearer {API_KEY}"])
    def test_both_spellings(self, service, header):
        assert service.call("GET", REQUESTS, headers={"Authorization": header}).status_code == 200

    def test_the_body_of_a_401(self, service):
        answer = service.call("GET", REQUESTS, headers={"Authorization": "wrong"})
        assert (answer.status_code, set(answer.json)) == (401, {"error", "message", "code"})

    def test_rates_and_version_are_on_every_answer(self, service):
        answers = [
            service.create(),
            service.call("GET", REQUESTS),
            service.call("GET", f"{REQUESTS}/{ABSENT}"),
            service.call("GET", "/signing-request-api/nothing"),
            service.call("GET", REQUESTS, headers={"Authorization": "wrong"}),
            service.call("GET", REQUESTS, headers={"X-API-Version": "2"}),
            service.create(name=""),
        ]
        assert [answer.status_code for answer in answers] == [201, 200, 404, 404, 401, 400, 400]
        for answer in answers:
            assert answer.headers["X-API-Version"] == "1"
            assert all(answer.headers[name].isdigit() for name in RATE)

    def test_reads_and_writes_have_limits_of_their_own(self, start_service):
        service = start_service(reads_per_minute=200, writes_per_minute=120)
        assert service.call("GET", REQUESTS).headers["X-RateLimit-Limit"] == "200"
        assert service.create().headers["X-RateLimit-Limit"] == "120"

    def test_one_too_many_is_told_when_to_come_back(self, start_service):
        service = start_service(writes_per_minute=1)
        service.create()
        answer = service.create()
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.headers["X-RateLimit-Remaining"] == "0"


class TestPoint2CreateAndSend:
    def test_temporary_ids_become_real_ones_and_places_stay_percent(self, service):
        answer = service.create().json
        assert "temp_" not in json.dumps(answer)
        assert answer["fields"][0]["position"] == {"x": 10.0, "y": 61.0, "width": 30.0, "height": 5.0}
        assert answer["fields"][0]["page_number"] == 1

    @pytest.mark.parametrize(
        "overrides",
        [
            {"fields": [make_field(position={"x": 80, "y": 1, "width": 21, "height": 1})]},
            {"fields": [make_field(page_number=2)]},
            {"document_id": ABSENT},
            {"document": None},
            {"template_id": ABSENT, "document": None},
            {"name": "n" * 256},
            {"recipients": [make_recipient(designation="Approver")], "fields": []},
            {"fields": [], "anchor_tags": [make_anchor(anchor_string="nowhere")]},
        ],
    )
    def test_what_cannot_be_is_refused(self, service, overrides):
        answer = service.create(**overrides)
        assert answer.status_code == 400
        assert answer.json["code"] == "VALIDATION_ERROR"

    def test_anchors_are_searched_clamped_and_found_everywhere(self, service):
        pdf = make_pdf(text=["near {{SIGN_1}}", "again {{SIGN_1}}"], at=(500, 20))
        answer = service.create(pdf=pdf, fields=[], anchor_tags=[make_anchor(occurrence=0)]).json
        assert [field["page_number"] for field in answer["fields"]] == [1, 2]
        for field in answer["fields"]:
            assert field["position"]["x"] + field["position"]["width"] <= 100

    def test_unknown_members_of_anchors_are_warned_of(self, service):
        pdf = make_pdf(text="{{SIGN_1}}")
        answer = service.create(pdf=pdf, fields=[], anchor_tags=[make_anchor(colour="red")])
        assert len(answer.json["warnings"]) == 1


class TestPoint3Spellings:
    def test_three_styles_of_status_and_two_of_times(self, service):
        created = service.create().json
        listed = service.call("GET", REQUESTS).json["results"][0]
        detail = service.detail(created["id"])
        assert (created["status"], listed["status"]) == ("sent", "in_progress")
        assert detail["status"]["sent"] is True
        assert "sent_date" in created
        assert "sent_date" in listed
        assert "sent_on" in detail["timestamps"]

    def test_misspelt_names_and_integers_beside_booleans(self, service):
        envelope_id = service.send()
        field = service.get(envelope_id, "fields").json["results"][0]
        assert {"x_postion", "heigh"} <= set(field)
        detail = service.detail(envelope_id)
        assert detail["use_signing_order"] == 1
        assert type(detail["use_signing_order"]) is int
        assert detail["settings"]["use_signing_order"] is True


class TestPoint4Order:
    def test_the_second_waits_for_the_first_and_the_file_for_the_last(self, service):
        service.send(recipients=[make_recipient(1), make_recipient(2)], fields=[make_field(1), make_field(2)])
        assert service.mails("person2@example.test") == []
        service.sign(1)
        assert len(service.mails("person2@example.test")) == 1

    def test_finished_comes_before_the_file(self, start_service, receiver):
        service = start_service(webhook_url=receiver.url, webhook_secret="secret-of-the-events-0123456789")
        envelope_id = service.send()
        service.sign()
        assert [event["type"] for event in receiver.events][-2:] == [
            "signing_request.completed",
            "signing_request.certificate.generated",
        ]
        assert service.get(envelope_id, "download").json["is_partial"] is False


class TestPoint5EndedIsEnded:
    def test_a_second_cancel_conflicts(self, service):
        envelope_id = service.send()
        assert service.cancel(envelope_id).status_code == 200
        assert service.cancel(envelope_id).status_code == 409

    def test_a_resend_out_of_turn_conflicts_with_details(self, service):
        envelope_id = service.send(
            recipients=[make_recipient(1), make_recipient(2)], fields=[make_field(1), make_field(2)]
        )
        second = service.get(envelope_id, "users").json["results"][1]["id"]
        answer = service.call("POST", f"{REQUESTS}/{envelope_id}/resend", json={"recipient_ids": [second]})
        assert answer.status_code == 409
        assert answer.json["details"]["current_order"] == 1
        assert [one["id"] for one in answer.json["details"]["invalid_recipients"]] == [second]

    @pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
    def test_what_was_sent_cannot_be_changed(self, service, method):
        answer = service.call(method, f"{REQUESTS}/{service.send()}", json={"name": "Another"})
        assert (answer.status_code, answer.json["code"]) == (409, "ALREADY_SENT")
        assert service.call(method, f"{REQUESTS}/{ABSENT}").status_code == 404

    def test_it_cannot_be_sent_again(self, service):
        answer = service.call("POST", f"{REQUESTS}/{service.send()}/send")
        assert (answer.status_code, answer.json["error"]) == (400, "Bad Request")
        assert service.call("POST", f"{REQUESTS}/{ABSENT}/send").status_code == 404


class TestPoint6Files:
    def test_addresses_are_signed_elsewhere_without_the_key_and_expire(self, service, time):
        url = service.detail(service.send())["document_url"]
        assert not urlsplit(url).path.startswith("/signing-request-api")
        assert service.fetch(url).status_code == 200
        time.advance(hours=1)
        assert 400 <= service.fetch(url).status_code < 500


class TestPoint7Webhooks:
    def test_headers_and_body(self, start_service, receiver):
        start_service(webhook_url=receiver.url, **SECRETS).send()
        headers, body = receiver.got[0]
        assert {"X-Firma-Signature", "X-Firma-Signature-Old", "X-Firma-Event", "X-Firma-Delivery"} <= set(headers)
        assert body == json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()

    def test_three_attempts_each_with_an_id_of_its_own_at_one_event(self, start_service, receiver, time):
        receiver.status = 307
        service = start_service(webhook_url=receiver.url, **SECRETS)
        service.send()
        for _ in range(3):
            time.advance(hours=1)
            service.work()
        attempts = [headers for headers, body in receiver.got if json.loads(body)["type"] == "signing_request.created"]
        assert len(attempts) == 3
        assert len({headers["X-Firma-Delivery"] for headers in attempts}) == 3
        assert len({event["id"] for event in receiver.events}) == 2

    def test_without_an_address_events_are_dropped_silently(self, start_service, receiver):
        start_service().send()
        assert receiver.got == []


class TestPoint8NoIdempotency:
    def test_a_repeated_post_creates_a_second_request(self, service):
        headers = {"Idempotency-Key": "same"}
        ids = {
            service.call("POST", f"{REQUESTS}/create-and-send", json=make_body(), headers=headers).json["id"]
            for _ in range(2)
        }
        assert len(ids) == 2


class Receiver:
    """An HTTP server that notes what it gets."""

    def __init__(self):
        self.got, self.status = [], 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/signing-provider"

    @property
    def events(self):
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver():
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()
