"""Time that only moves when it is told to."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.domain import clock


@dataclass
class FakeClock:
    """Replaces `app.domain.clock`; sleeping moves it on."""

    now: datetime = datetime(2026, 6, 5, 10, 0, 0, tzinfo=UTC)
    slept: float = 0

    def utcnow(self) -> datetime:
        return clock.to_milliseconds(self.now)

    def monotonic(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.advance(seconds=seconds)

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "FakeClock":
        for name in ("utcnow", "monotonic", "sleep"):
            monkeypatch.setattr(clock, name, getattr(self, name))
        return self
