"""A purge, or an erasure, in a process that dies where it is told to."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from uuid import UUID

import pytest

from app.config import Settings
from app.domain.lifecycle import TERMINAL
from app.services import discarding, erasing, purging
from app.services.purging import Selection
from tests.crashes.build import CRASH_AT, CrashPoints, build_to_crash
from tests.fakes.clock import FakeClock


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to do, and where to die; sent to the process that does it."""

    operation: str
    settings: Settings
    now: datetime
    request_id: str
    crash_at: str | None


def perform(task: Task, passed: Connection) -> None:
    """Do as the command does and report the crash points that were passed, if the process lives."""
    if task.crash_at is not None:
        os.environ[CRASH_AT] = task.crash_at
    points = CrashPoints()
    with pytest.MonkeyPatch.context() as monkeypatch:
        FakeClock(now=task.now).install(monkeypatch)
        app, deps = build_to_crash(task.settings, points)
        with app.app_context():
            if task.operation == "purge":
                purging.purge(Selection(ended_before=task.now - timedelta(days=1), statuses=TERMINAL))
                while discarding.run_once(limit=10, deps=deps):
                    pass
            else:
                erasing.erase(UUID(task.request_id), deps=deps)
    passed.send(points.passed)
