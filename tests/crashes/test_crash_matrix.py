"""Every crash point of every operation, under every fault of the provider: restart, drain, and check the invariants."""

import multiprocessing
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from flask import Flask

from app import worker
from app.config import Settings
from app.extensions import db
from app.services.dependencies import Dependencies
from app.services.unit_of_work import reading
from tests import databases, invariants
from tests.callers import Caller, make_caller
from tests.crashes.build import build
from tests.crashes.mortal import points_passed
from tests.crashes.operations import Task, create, perform, receive
from tests.fakes.clock import FakeClock
from tests.fakes.provider_server import ProviderServer
from tests.provider_events import signed_event

pytestmark = pytest.mark.crashes

EVENT_SECRET = "a-secret-of-the-provider-0123456789"

#: A fault that answers too late needs a client that does not wait for long; both in seconds of real time.
HANG = {"kind": "hang", "seconds": 0.4}
PATIENCE = 0.2
LATE = {"kind": "late", "seconds": 0.4}

LOST = ("accept_then_drop", "drop_before", "error_after", "error_before", HANG, LATE, "rubbish")
FAULTS = {
    # operation: the call of the provider that fails, and how
    "create": ("create", (None, *LOST, "conflict_with_id", "draft_left", {"kind": "refuse", "status": 422})),
    "cancel": ("cancel", (None, *LOST, {"kind": "refuse", "status": 400})),
    "apply": ("read", (None, "drop_before", "error_before", "rubbish", HANG)),
    "receive": ("read", (None,)),
    "apply event": ("users", (None, "drop_before", "error_before", "rubbish", HANG)),
    "apply mail failure": ("users", (None, "drop_before", "rubbish")),
    "archive": ("download", (None, "drop_before", "error_before", "rubbish", {"kind": "refuse", "status": 503})),
    "expire": ("cancel", (None, *LOST)),
    "resolve": ("list", (None, "drop_before", "error_before", "rubbish")),
}
#: What the provider does wrong is no matter of the database, so on PostgreSQL one fault stands for all.
ON_EVERY_DATABASE = (None, "accept_then_drop")
MATRIX = [
    (operation, fault)
    for operation, (_, faults) in FAULTS.items()
    for fault in faults
    if databases.POSTGRES_URL is None or fault in ON_EVERY_DATABASE
]

#: From round to round the worker comes back later: past the window of a call in flight, the look-ups' back-off, the
#: period of doubt (10 minutes), the archive's deadline, the polls.
DRAIN = tuple(timedelta(minutes=minutes) for minutes in (0, 1, 3, 8, 15, 60, 360, 1440))

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.crashes.operations"])


@dataclass
class Case:
    """An installation in its own folder; the provider has other customers, whose envelopes are `foreign`."""

    app: Flask
    deps: Dependencies
    caller: Caller
    provider: ProviderServer
    time: FakeClock
    render_id: str
    foreign: frozenset[str]
    request_id: str | None = None
    event: tuple[bytes, dict[str, str]] | None = None

    def perform(self, operation: str, *, crash_at: str | None) -> list[str] | None:
        """Run the operation in a process of its own; return the points that it passed, None when it was killed."""
        task = Task(
            operation=operation,
            settings=self.deps.settings,
            now=self.time.now,
            key=self.caller.key,
            render_id=self.render_id,
            request_id=self.request_id,
            event=self.event,
            crash_at=crash_at,
        )
        return points_passed(forks, perform, task)

    def drain(self) -> None:
        """Let the worker do its work until long after everything must be over."""
        self.provider.clear_faults()
        for wait in DRAIN:
            self.time.advance(seconds=wait.total_seconds())
            worker.run_until_idle(self.app, self.deps)
            while self.provider.pending():
                pass

    def broken(self) -> list[str]:
        envelopes = [
            each
            for each in self.provider.state()["envelopes"]
            if each["status"] != "deleted" and each["id"] not in self.foreign
        ]
        with self.app.app_context(), reading() as session:
            return invariants.broken(session, envelopes)


@pytest.fixture
def provider() -> Iterator[ProviderServer]:
    with ProviderServer(api_key="provider-key-0123456789") as provider:
        yield provider


@pytest.fixture
def new_case(database_template, provider, tmp_path, monkeypatch) -> Iterator[object]:
    """Make installations that share nothing."""
    opened = []
    count = iter(range(10_000))

    def make(operation: str) -> Case:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        time = FakeClock().install(monkeypatch)
        database = database_template.copy(folder)
        settings = _settings(database.__enter__(), folder, provider)
        app, deps = build(settings)
        caller = make_caller(app)
        render_id = caller.upload(b"%PDF-1.7 taken on trust")
        foreign = frozenset(each["id"] for each in provider.state()["envelopes"])
        case = Case(app, deps, caller, provider, time, render_id, foreign)
        opened.append((database, case, folder))
        _prepare(case, operation)
        return case

    def close() -> None:
        while opened:
            database, case, folder = opened.pop()
            with case.app.app_context():
                db.engine.dispose()
            database.__exit__(None, None, None)
            shutil.rmtree(folder)

    make.close = close
    yield make
    close()


def _settings(database_url: str, folder: Path, provider: ProviderServer) -> Settings:
    return Settings(
        database_url=database_url,
        storage_url=f"file:{folder / 'storage'}",
        signing_provider_url=provider.url,
        signing_provider_api_key=provider.api_key,
        signing_provider_webhook_secrets=(EVENT_SECRET,),
        provider_connect_timeout=5,
        provider_read_timeout=PATIENCE,
        provider_create_timeout=PATIENCE,
        log_level="error",
    )


def _prepare(case: Case, operation: str) -> None:
    """Bring the installation to where the operation begins."""
    if operation == "create":
        return
    if operation == "resolve":
        case.provider.script("create", "accept_then_drop")
        case.provider.script("list", *["error_before"] * 4)
    answer = create(case.caller, case.render_id)
    case.provider.clear_faults()
    if operation == "resolve":
        assert answer.status_code == 502
        return
    assert answer.status_code == 201, answer.json
    case.request_id = answer.json["id"]
    (envelope,) = case.provider.envelopes_of(case.request_id)
    if operation in {"apply", "archive"}:
        case.provider.finish(envelope["id"])
        case.time.advance(hours=1)  # Past the first poll: the worker learns of it by itself.
    if operation in {"receive", "apply event"}:
        case.provider.sign(envelope["id"])
        case.event = signed_event("evt_1", "signing_request.recipient.signed", envelope["id"], EVENT_SECRET)
    if operation == "apply mail failure":
        case.provider.refuse_mail(envelope["id"])
        case.event = signed_event("evt_1", "signing_request.recipient.mail_failed", envelope["id"], EVENT_SECRET)
    if operation in {"apply event", "apply mail failure"}:
        receive(case.caller, case.event)
    if operation == "archive":
        # The state is applied, the files are not fetched yet.
        case.provider.script("download", "error_before")
        worker.run_pending(case.app, case.deps)
        case.provider.clear_faults()
        case.time.advance(minutes=1)
    if operation == "expire":
        case.time.advance(days=8)


def _name(value: object) -> str:
    return str(value["kind"]) if isinstance(value, dict) else str(value)


@pytest.mark.parametrize(("operation", "fault"), MATRIX, ids=_name)
def test_whatever_dies_wherever_nothing_is_lost_and_nobody_is_mailed_twice(operation, fault, new_case, record_property):
    failing_call, _ = FAULTS[operation]

    def run(crash_at: str | None) -> tuple[Case, list[str] | None]:
        case = new_case(operation)
        case.provider.script(failing_call, fault)
        return case, case.perform(operation, crash_at=crash_at)

    case, points = run(None)
    assert points
    case.drain()
    assert case.broken() == []
    new_case.close()

    for point, client_retries in product(points, (False, True) if operation == "create" else (False,)):
        case, passed = run(point)
        assert passed is None, f"{point} was not reached again"
        if client_retries:
            retried = create(case.caller, case.render_id)
            assert retried.status_code in {200, 201, 402, 409, 502}, retried.json
        if operation == "receive":
            receive(case.caller, case.event)  # The provider had no answer, so it tells again.
        case.drain()
        if client_retries:
            again = create(case.caller, case.render_id)
            assert again.status_code in {200, 201}, again.json
            case.drain()
        assert case.broken() == [], f"{operation}, {fault}, killed at {point}, retried: {client_retries}"
        new_case.close()

    cases = len(points) * (2 if operation == "create" else 1)
    record_property("crash_cases", cases)
