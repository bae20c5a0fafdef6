"""Callers that come at once, with real threads and real transactions."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from app.domain import clock
from app.domain.errors import ProviderRejected
from tests.api.expectations import assert_refused
from tests.callers import Caller, make_body, rewire
from tests.fakes.inspector import TrustingInspector
from tests.provider_events import deliver, make_event
from tests.threads import PATIENCE, Gate, at_once


@pytest.fixture
def render_id(app, api):
    rewire(app, inspector=TrustingInspector())
    return api.upload(b"%PDF-1.7")


@pytest.fixture
def callers(app, api):
    """Sixteen clients with the same key."""
    return [Caller(app.test_client(), api.project_id, api.key) for _ in range(16)]


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def create(caller, render_id, **overrides):
    return caller.post("/v1/signatures", json=make_body(render_id, **overrides), headers={"Idempotency-Key": "order-1"})


def test_sixteen_callers_with_one_key_send_one_envelope(callers, render_id, signing):
    answers = at_once(16, lambda number: create(callers[number], render_id))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 15}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert signing.calls == ["create"]


def test_of_callers_with_one_key_and_two_bodies_one_body_wins(callers, render_id, signing):
    answers = at_once(8, lambda number: create(callers[number], render_id, name=f"Name {number % 2}"))

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {201: 1, 200: 3, 409: 4}
    assert {answer.json["error"]["code"] for answer in answers if answer.status_code == 409} == {
        "idempotency_key_reused"
    }
    assert signing.calls == ["create"]


def test_callers_without_a_key_do_not_wait_for_each_other(callers, render_id, signing):
    answers = at_once(8, lambda number: callers[number].post("/v1/signatures", json=make_body(render_id)))

    assert {answer.status_code for answer in answers} == {201}
    assert len(signing.envelopes) == 8


def test_times_of_creation_are_unique_and_grow_with_what_is_visible(callers, render_id, time):
    at_once(12, lambda number: callers[number].post("/v1/signatures", json=make_body(render_id)))

    rows = callers[0].get("/v1/signatures").json["signatures"]
    times = [datetime.fromisoformat(row["createdAt"]) for row in rows]
    assert len(set(times)) == 12
    assert times == sorted(times, reverse=True)
    assert (times[0] - times[-1]).total_seconds() == pytest.approx(0.011)


def test_reservations_at_once_are_unique_too(callers, time):
    at_once(12, lambda number: callers[number].post("/v1/renders", json={}))

    assert len({row["createdAt"] for row in callers[0].get("/v1/renders").json["renders"]}) == 12


@pytest.fixture
def loser_waits(monkeypatch):
    """Set as soon as a caller waits for another; its waits then end when the gate is open."""
    waits = threading.Event()

    def install(gate):
        def sleep(_seconds):
            waits.set()
            assert gate.opened.wait(PATIENCE)

        monkeypatch.setattr(clock, "sleep", sleep)
        return waits

    return install


def test_the_loser_waits_for_the_winner(callers, render_id, signing, pool, loser_waits):
    gate = signing.before["create"] = Gate()
    waits = loser_waits(gate)
    winner = pool.submit(create, callers[0], render_id)
    assert gate.entered.wait(PATIENCE)
    loser = pool.submit(create, callers[1], render_id)
    assert waits.wait(PATIENCE)

    gate.opened.set()

    assert winner.result().status_code == 201
    assert loser.result().status_code == 200
    assert loser.result().json == winner.result().json
    assert signing.calls == ["create"]


def test_when_the_winner_is_refused_the_loser_has_its_own_try(callers, render_id, signing, pool, loser_waits):
    gate = signing.before["create"] = Gate(ProviderRejected("Refused.", operation="create", status=422))
    waits = loser_waits(gate)
    winner = pool.submit(create, callers[0], render_id)
    assert gate.entered.wait(PATIENCE)
    loser = pool.submit(create, callers[1], render_id)
    assert waits.wait(PATIENCE)
    signing.before["create"] = lambda: None

    gate.opened.set()

    assert_refused(winner.result(), 502, "signature_provider_error")
    assert loser.result().status_code == 201
    assert signing.calls == ["create", "create"]


def test_a_loser_that_waited_long_enough_is_told_to_come_back(callers, render_id, signing, pool, time):
    gate = signing.before["create"] = Gate()
    winner = pool.submit(create, callers[0], render_id)
    assert gate.entered.wait(PATIENCE)

    loser = create(callers[1], render_id)

    assert_refused(loser, 409, "conflict")
    assert loser.headers["Retry-After"] == "1"
    assert time.slept == pytest.approx(10, abs=0.2)
    gate.opened.set()
    assert winner.result().status_code == 201
    assert create(callers[1], render_id).status_code == 200


def test_a_request_that_is_being_sent_is_invisible(callers, render_id, signing, pool):
    gate = signing.before["create"] = Gate()
    winner = pool.submit(create, callers[0], render_id)
    assert gate.entered.wait(PATIENCE)

    assert callers[1].get("/v1/signatures").json["signatures"] == []

    gate.opened.set()
    request_id = winner.result().json["id"]
    assert callers[1].get(f"/v1/signatures/{request_id}").status_code == 200


def test_of_two_cancels_at_once_one_succeeds(callers, render_id, signing):
    created = create(callers[0], render_id).json

    answers = at_once(2, lambda number: callers[number].post(f"/v1/signatures/{created['id']}/cancel"))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 1}
    assert signing.calls.count("cancel") == 1


def test_a_cancel_during_a_cancel_is_refused(callers, render_id, signing, pool):
    created = create(callers[0], render_id).json
    gate = signing.before["cancel"] = Gate()
    path = f"/v1/signatures/{created['id']}/cancel"
    first = pool.submit(callers[0].post, path, json={"reason": "First."})
    assert gate.entered.wait(PATIENCE)

    second = callers[1].post(path, json={"reason": "Second."})

    assert_refused(second, 409, "conflict")
    gate.opened.set()
    assert first.result().json["errorMessage"] == "First."


def test_uploads_at_once_with_one_key_are_one_render(callers, app, tmp_path):
    rewire(app, inspector=TrustingInspector())
    headers = {"Idempotency-Key": "render-1"}

    answers = at_once(
        8,
        lambda number: callers[number].post(
            "/v1/renders", data=b"%PDF-1.7 the same", content_type="application/pdf", headers=headers
        ),
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 7}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(list((tmp_path / "storage").rglob("*.pdf"))) == 1


def test_an_upload_that_was_overtaken_by_another_pdf_with_its_key_leaves_no_file(callers, app, tmp_path):
    def upload(content):
        headers = {"Idempotency-Key": "render-1"}
        return callers[0].post("/v1/renders", data=content, content_type="application/pdf", headers=headers)

    class Slow(TrustingInspector):
        def inspect(self, content):
            rewire(app, inspector=TrustingInspector())
            assert upload(b"%PDF-1.7 faster").status_code == 201
            return super().inspect(content)

    rewire(app, inspector=Slow())

    assert_refused(upload(b"%PDF-1.7 slower"), 409, "idempotency_key_reused")
    (file,) = (tmp_path / "storage").rglob("*.pdf")
    assert file.read_bytes() == b"%PDF-1.7 faster"


def test_of_deliveries_at_once_one_succeeds_and_one_file_stays(callers, app, tmp_path):
    rewire(app, inspector=TrustingInspector())
    render_id = callers[0].post("/v1/renders", json={}).json["id"]

    answers = at_once(
        4,
        lambda number: callers[number].put(
            f"/v1/renders/{render_id}/pdf", data=b"%PDF-1.7 " + str(number).encode(), content_type="application/pdf"
        ),
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 3}
    (file,) = (tmp_path / "storage").rglob("*.pdf")
    assert file.read_bytes() == callers[0].get(f"/v1/renders/{render_id}/download").data


def test_the_same_pdf_delivered_twice_at_once_stays(callers, app):
    rewire(app, inspector=TrustingInspector())
    render_id = callers[0].post("/v1/renders", json={}).json["id"]

    at_once(
        4,
        lambda number: callers[number].put(
            f"/v1/renders/{render_id}/pdf", data=b"%PDF-1.7", content_type="application/pdf"
        ),
    )

    assert callers[0].get(f"/v1/renders/{render_id}/download").data == b"%PDF-1.7"


def test_an_event_delivered_several_times_at_once_is_stored_once(app):
    answers = at_once(6, lambda _: deliver(app, make_event("envelope-1")))

    assert {answer.status_code for answer in answers} == {200}
