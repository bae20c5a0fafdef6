"""A worker that dies at a step of an attempt at a delivery; run in a process of its own."""

import os
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import event

from app.config import Settings
from app.domain.ports import WebhookAnswer, WebhookRequest
from app.extensions import db
from app.factory import create_app
from app.foundation import build_dependencies
from app.services import delivering
from tests.crashes.build import CRASH_AT, CrashPoints, Watched
from tests.fakes.clock import FakeClock


@dataclass(frozen=True)
class LoggedReceiver:
    """Implements `WebhookSender`: a receiver that writes down what it was sent, and survives whoever sends it."""

    log: Path

    def send(self, request: WebhookRequest) -> WebhookAnswer:
        with self.log.open("a") as file:
            file.write(f"{request.delivery_id} {request.body.decode()}\n")
        return WebhookAnswer(status=204, duration_ms=1)

    def received(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to deliver, and where to die; sent to the process that does it."""

    settings: Settings
    now: datetime
    receiver: LoggedReceiver
    crash_at: str | None


def perform(task: Task, passed: Connection) -> None:
    """Deliver what is due in this process, and report the crash points that it passed, if it lives."""
    if task.crash_at is not None:
        os.environ[CRASH_AT] = task.crash_at
    points = CrashPoints()
    with pytest.MonkeyPatch.context() as monkeypatch:
        FakeClock(now=task.now).install(monkeypatch)
        deps = build_dependencies(task.settings)
        deps = replace(deps, webhooks=Watched("webhooks", task.receiver, points))
        app = create_app(task.settings, deps)
        with app.app_context():
            event.listen(db.session, "before_commit", lambda _session: points.reach("before commit"))
            event.listen(db.session, "after_commit", lambda _session: points.reach("after commit"))
            delivering.run_once(limit=4, deps=deps)
    passed.send(points.passed)
