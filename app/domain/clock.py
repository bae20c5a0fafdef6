"""The only place that knows what time it is; tests replace these functions."""

import time
from datetime import UTC, datetime, timedelta

from app.domain import turns

ONE_MILLISECOND = timedelta(milliseconds=1)

#: How long the offset is that Python writes behind a time in UTC.
OFFSET = len("+00:00")


def utcnow() -> datetime:
    """Return now in UTC, cut to the milliseconds that the wire carries (contract section 1)."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(moment: datetime) -> datetime:
    """Cut an aware time to whole milliseconds, in UTC."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_timestamp(moment: datetime) -> str:
    """Write a time as the wire carries it: ISO 8601, UTC, milliseconds, `Z` (contract section 1)."""
    return f"{moment.astimezone(UTC).isoformat(timespec='milliseconds')[:-OFFSET]}Z"


def monotonic() -> float:
    """Return seconds that never go backwards, for measuring how long something took."""
    return time.monotonic()


def milliseconds_since(started: float) -> int:
    """Return how long ago that was by `monotonic`, as logs say it."""
    return round((monotonic() - started) * 1000)


def sleep(seconds: float) -> None:
    """Wait."""
    with turns.given_up():
        time.sleep(seconds)
