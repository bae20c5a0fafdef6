"""What a test's apps log, line by line, as it would be written."""

import io
import json
from typing import Any

import structlog

from app.logs import configure_logging


class Logbook:
    """Everything that this process logs from now on, as JSON."""

    def __init__(self, *, level: str = "debug") -> None:
        self._stream = io.StringIO()
        configure_logging(level=level, log_format="json")
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(self._stream))

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def lines(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the lines of that event that have these fields."""
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if line["event"] == event and fields.items() <= line.items()]

    def line(self, event: str, **fields: Any) -> dict[str, Any]:
        """Return the one such line."""
        found = self.lines(event, **fields)
        assert len(found) == 1, found
        return found[0]
