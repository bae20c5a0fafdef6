"""What the process that dies is doing: each operation, from its first step to its last."""

import os
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

import pytest

from app import worker
from app.config import Settings
from tests.callers import Caller, make_body
from tests.crashes.build import CRASH_AT, CrashPoints, build_to_crash
from tests.fakes.clock import FakeClock

IDEMPOTENCY_KEY = "order-12345"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to do, and where to die; sent to the process that does it."""

    operation: str
    settings: Settings
    now: datetime
    key: str
    render_id: str
    request_id: str | None
    event: tuple[bytes, dict[str, str]] | None
    crash_at: str | None


def perform(task: Task, passed: Connection) -> None:
    """Run one operation in this process and report the crash points that it passed, if it lives."""
    if task.crash_at is not None:
        os.environ[CRASH_AT] = task.crash_at
    points = CrashPoints()
    with pytest.MonkeyPatch.context() as monkeypatch:
        FakeClock(now=task.now).install(monkeypatch)
        app, deps = build_to_crash(task.settings, points)
        caller = Caller(app.test_client(), None, task.key)  # type: ignore[arg-type]
        caller.get("/v1/signatures")  # The key's last use is recorded now, not at a crash point.
        points.passed.clear()
        if task.operation == "create":
            create(caller, task.render_id)
        elif task.operation == "cancel":
            caller.post(f"/v1/signatures/{task.request_id}/cancel", json={"reason": "Changed"})
        elif task.operation == "receive":
            receive(caller, task.event)
        else:
            worker.run_pending(app, deps)
    passed.send(points.passed)


def create(caller: Caller, render_id: str) -> Any:
    """Send the one create request, always the same."""
    body = make_body(render_id)
    return caller.post("/v1/signatures", json=body, headers={"Idempotency-Key": IDEMPOTENCY_KEY})


def receive(caller: Caller, event: tuple[bytes, dict[str, str]] | None) -> None:
    """Send the one event of the provider, always the same."""
    assert event is not None
    body, headers = event
    assert caller.client.post("/hooks/signing-provider", data=body, headers=headers).status_code == 200
