"""A state machine drives the real service against a small model: whatever the order of events, the promise holds."""

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from app import worker
from app.config import Settings
from app.domain.errors import CreditsExhausted, ProviderRejected, ProviderUnavailable
from app.domain.lifecycle import TERMINAL
from app.domain.ports import EnvelopeStatus
from app.extensions import db
from app.factory import create_app
from app.foundation import build_dependencies
from app.services.unit_of_work import reading
from tests import invariants
from tests.builders.pdfs import make_pdf
from tests.callers import make_body, make_caller
from tests.databases import PostgresTemplate, SqliteTemplate
from tests.fakes.clock import FakeClock
from tests.fakes.inspector import TrustingInspector
from tests.fakes.signing import FakeSigningProvider
from tests.provider_events import signed_event

EVENT_SECRET = "a-secret-of-the-provider-0123456789"
PDF = make_pdf()

WORDS = {
    EnvelopeStatus.OPEN: "in_progress",
    EnvelopeStatus.FINISHED: "finished",
    EnvelopeStatus.CANCELLED: "cancelled",
    EnvelopeStatus.DECLINED: "declined",
    EnvelopeStatus.EXPIRED: "expired",
}


def lost() -> None:
    raise ProviderUnavailable("Lost.", operation="call", may_have_acted=True)


def refused() -> None:
    raise ProviderRejected("No.", operation="call", status=400)


def out_of_credits() -> None:
    raise CreditsExhausted("No credits.", operation="call", status=402)


#: When, around the call itself, what happens.
FAULTS = {
    "none": None,
    "lost after it was done": ("after", lost),
    "lost before it was done": ("before", lost),
    "refused": ("before", refused),
    "out of credits": ("before", out_of_credits),
}

KEYS = st.sampled_from(["a", "b", "c"])


class Countersign(RuleBasedStateMachine):
    """Callers, recipients, the provider, the worker and time, in any order."""

    requests = Bundle("requests")
    template: SqliteTemplate | PostgresTemplate

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        self.monkeypatch = self.exits.enter_context(pytest.MonkeyPatch.context())
        self.folder = Path(self.exits.enter_context(tempfile.TemporaryDirectory()))
        self.time = FakeClock().install(self.monkeypatch)
        self.signing = FakeSigningProvider()
        #: The model: what callers were told, and must never be told otherwise.
        self.acknowledged: set[str] = set()
        self.final: dict[str, str] = {}
        self.events = 0

    @initialize()
    def install(self) -> None:
        url = self.exits.enter_context(self.template.copy(self.folder))
        self.settings = Settings(
            database_url=url,
            storage_url=f"file:{self.folder / 'storage'}",
            signing_provider_url="https://provider.invalid",
            signing_provider_api_key="provider-key-0123456789",
            signing_provider_webhook_secrets=(EVENT_SECRET,),
            idempotency_wait_seconds=1,
            log_level="error",
        )
        self.start()
        self.caller = make_caller(self.app)
        self.render_id = self.caller.upload(PDF)

    def start(self) -> None:
        self.deps = replace(build_dependencies(self.settings), signing=self.signing, inspector=TrustingInspector())
        self.app = create_app(self.settings, self.deps)

    @rule()
    def restart(self) -> None:
        self.stop()
        self.start()
        self.caller.client = self.app.test_client()

    def stop(self) -> None:
        with self.app.app_context():
            db.engine.dispose()

    @rule(target=requests, key=st.none() | KEYS, fault=st.sampled_from(sorted(FAULTS)))
    def create(self, key: str | None, fault: str) -> object:
        self.inject("create", fault)
        answer = self.caller.post(
            "/v1/signatures", json=make_body(self.render_id), headers={"Idempotency-Key": key} if key else {}
        )
        self.signing.before.clear()
        self.signing.after.clear()
        assert answer.status_code in {200, 201, 402, 409, 502}, answer.json
        if answer.status_code not in {200, 201}:
            return multiple()
        if answer.status_code == 201:
            assert answer.json["status"] == "sent"
            assert answer.json["id"] not in self.acknowledged
        self.acknowledged.add(answer.json["id"])
        return answer.json["id"]

    @rule(key=KEYS)
    def reuse_a_key_for_another_body(self, key: str) -> None:
        body = make_body(self.render_id, name="Another")
        before = len(self.signing.envelopes)
        answer = self.caller.post("/v1/signatures", json=body, headers={"Idempotency-Key": f"other-{key}"})
        again = self.caller.post(
            "/v1/signatures", json=body | {"name": "Yet another"}, headers={"Idempotency-Key": f"other-{key}"}
        )
        assert again.status_code == 409
        assert again.json["error"]["code"] == "idempotency_key_reused"
        assert len(self.signing.envelopes) == before + (answer.status_code == 201)
        self.acknowledged.add(answer.json["id"])

    @rule(request=requests, fault=st.sampled_from(sorted(FAULTS)))
    def cancel(self, request: str, fault: str) -> None:
        self.inject("cancel", fault)
        answer = self.caller.post(f"/v1/signatures/{request}/cancel", json={"reason": "Changed"})
        self.signing.before.clear()
        self.signing.after.clear()
        assert answer.status_code in {200, 402, 409, 502}, answer.json
        if answer.status_code == 200:
            assert answer.json["status"] == "cancelled"

    @rule(request=requests, act=st.sampled_from(["sign", "decline", "finish", "expire", "cancel"]))
    def happen_at_the_provider(self, request: str, act: str) -> None:
        envelope = self.envelope_of(request)
        if envelope is None or envelope.status is not EnvelopeStatus.OPEN:
            return
        match act:
            case "sign":
                self.signing.sign(envelope, 1)
            case "decline":
                self.signing.decline(envelope, 1, "Too expensive")
            case "finish":
                self.signing.finish(envelope)
            case "expire":
                envelope.status = EnvelopeStatus.EXPIRED
            case "cancel":
                envelope.status = EnvelopeStatus.CANCELLED

    @rule(request=requests)
    def make_the_files(self, request: str) -> None:
        envelope = self.envelope_of(request)
        if envelope is not None and envelope.status is EnvelopeStatus.FINISHED:
            self.signing.produce_files(envelope, signed=PDF, certificate=PDF)

    @rule(
        request=requests,
        kind=st.sampled_from(["viewed", "completed", "recipient.signed", "cancelled"]),
        repeated=st.booleans(),
    )
    def tell(self, request: str, kind: str, repeated: bool) -> None:
        envelope = self.envelope_of(request)
        self.events += not repeated
        body, headers = signed_event(
            f"evt_{self.events}", f"signing_request.{kind}", envelope.provider_id if envelope else "?", EVENT_SECRET
        )
        answer = self.caller.client.post("/hooks/signing-provider", data=body, headers=headers)
        assert answer.status_code == 200

    @rule(minutes=st.sampled_from([1, 5, 20, 120, 24 * 60, 8 * 24 * 60]))
    def wait(self, minutes: int) -> None:
        self.time.advance(minutes=minutes)

    @rule(fails=st.booleans())
    def work(self, fails: bool) -> None:
        if fails:
            self.signing.before.update(read=lost, find=lost, cancel=lost, download=lost)
        worker.run_pending(self.app, self.deps)
        self.signing.before.clear()

    @invariant()
    def terminal_states_never_change_and_acknowledged_requests_stay(self) -> None:
        if not hasattr(self, "caller"):
            return
        listed = self.list_all()
        assert self.acknowledged <= {request["id"] for request in listed}
        for request in listed:
            known = self.final.get(request["id"])
            assert known in {None, request["status"]}
            if request["status"] in TERMINAL:
                self.final[request["id"]] = request["status"]

    @invariant()
    def the_list_is_newest_first_and_every_time_is_unique(self) -> None:
        if hasattr(self, "caller"):
            times = [request["createdAt"] for request in self.list_all()]
            assert times == sorted(set(times), reverse=True)

    @invariant()
    def no_reference_has_two_envelopes_and_no_key_two_live_ones(self) -> None:
        references = [envelope.draft.reference for envelope in self.signing.envelopes.values()]
        assert len(references) == len(set(references))

    def teardown(self) -> None:
        if hasattr(self, "app"):
            self.drain()
            self.stop()
        self.exits.close()

    def drain(self) -> None:
        for envelope in self.signing.envelopes.values():
            if envelope.status is EnvelopeStatus.FINISHED:
                self.signing.produce_files(envelope, signed=PDF, certificate=PDF)
        for wait in (0, 1, 10, 60, 360, 1440):
            self.time.advance(minutes=wait)
            worker.run_until_idle(self.app, self.deps)
        envelopes = [
            {
                "id": each.provider_id,
                "ref": str(each.draft.reference),
                "status": WORDS[each.status],
                "mail_failures": {person.provider_id: len(person.mail_failures) for person in each.people},
            }
            for each in self.signing.envelopes.values()
        ]
        with self.app.app_context(), reading() as session:
            assert invariants.broken(session, envelopes) == []

    def inject(self, operation: str, fault: str) -> None:
        if FAULTS[fault] is not None:
            moment, happens = FAULTS[fault]
            getattr(self.signing, moment)[operation] = happens
            if happens is lost and operation == "create":
                # Nobody can be asked either, so that the doubt outlives the request.
                self.signing.before["find"] = lost

    def envelope_of(self, request: str):
        found = [each for each in self.signing.envelopes.values() if str(each.draft.reference) == request]
        return found[0] if found else None

    def list_all(self) -> list[dict]:
        rows, cursor = [], ""
        while True:
            page = self.caller.get(f"/v1/signatures?limit=3{cursor}").json
            rows += page["signatures"]
            if not page["hasMore"]:
                return rows
            cursor = f"&cursor={page['nextCursor']}"


@pytest.mark.crashes
def test_the_service_keeps_its_promise_in_any_order_of_events(database_template):
    Countersign.template = database_template
    run_state_machine_as_test(
        Countersign,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
