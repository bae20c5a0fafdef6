"""A build of the app that dies where it is told to: the only one that understands CRASH_AT.

Every step that leaves the process is a crash point: before and after each commit, each call of the signing service,
each file stored. They are named by their order, such as `03 after signing.create_and_send`.
"""

import os
import signal
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Flask
from sqlalchemy import event

from app.config import Settings
from app.extensions import db
from app.factory import create_app
from app.foundation import build_dependencies
from app.services.dependencies import Dependencies
from tests.fakes.inspector import TrustingInspector

CRASH_AT = "CRASH_AT"


@dataclass
class CrashPoints:
    """Counts the points as they are passed; kills the process, as a power cut would, at the one in CRASH_AT."""

    passed: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        point = f"{len(self.passed) + 1:02} {name}"
        self.passed.append(point)
        if point == os.environ.get(CRASH_AT):
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Watched:
    """A port whose every call has a crash point before and after it."""

    name: str
    inner: Any
    points: CrashPoints

    def __getattr__(self, method: str) -> Any:
        call = getattr(self.inner, method)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.points.reach(f"before {self.name}.{method}")
            try:
                return call(*args, **kwargs)
            finally:
                self.points.reach(f"after {self.name}.{method}")

        return watched


def build(settings: Settings) -> tuple[Flask, Dependencies]:
    """Return the app with its real gateway and storage; only PDFs are taken on trust."""
    deps = replace(build_dependencies(settings), inspector=TrustingInspector())
    return create_app(settings, deps), deps


def build_to_crash(settings: Settings, points: CrashPoints) -> tuple[Flask, Dependencies]:
    """Return the same, with crash points."""
    _, deps = build(settings)
    watched = replace(
        deps,
        signing=Watched("signing", deps.signing, points),
        storage=Watched("storage", deps.storage, points),
    )
    app = create_app(settings, watched)
    with app.app_context():
        event.listen(db.session, "before_commit", lambda _session: points.reach("before commit"))
        event.listen(db.session, "after_commit", lambda _session: points.reach("after commit"))
    return app, watched
