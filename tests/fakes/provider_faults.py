"""What can go wrong with a call to the remote signing service, and which call it happens to."""

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """A way to fail. Every one but `refuse` leaves the caller without a usable answer."""

    #: Does it, and closes the connection without an answer.
    ACCEPT_THEN_DROP = "accept_then_drop"
    #: Reads the request, and closes the connection without doing anything.
    DROP_BEFORE = "drop_before"
    #: Does it, and answers 500.
    ERROR_AFTER = "error_after"
    #: Answers 500 without doing anything.
    ERROR_BEFORE = "error_before"
    #: Does it, and answers after `seconds`; without `seconds`, never.
    HANG = "hang"
    #: Closes the connection, and does it `seconds` later.
    LATE = "late"
    #: Answers `status` without doing anything.
    REFUSE = "refuse"
    #: Does it, and answers 2xx with a body that is no JSON, or (`variant` "no_id") with one that lacks the id.
    RUBBISH = "rubbish"
    #: Create: sending had begun; does it, and answers 409 with the id.
    CONFLICT_WITH_ID = "conflict_with_id"
    #: Create: leaves a draft that was never sent, and answers 500.
    DRAFT_LEFT = "draft_left"
    #: Create: does it, closes the connection, and lists the envelope only `seconds` later.
    LIST_LAGS = "list_lags"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One failure."""

    kind: Kind
    seconds: float | None = None
    status: int = 400
    variant: str = "text"

    @classmethod
    def parse(cls, wish: str | Mapping[str, object]) -> "Fault":
        """Read a fault as the control side gives it: a kind, or a kind with its particulars."""
        members = {"kind": wish} if isinstance(wish, str) else dict(wish)
        return cls(**{**members, "kind": Kind(members["kind"])})


class Faults:
    """Decides what happens to each call: first the script of its operation, then the mix, else nothing."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._random = Random(seed)
        self._scripts: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._mixes: dict[str, list[tuple[Fault, float]]] = {}

    def script(self, operation: str, faults: list[Fault | None]) -> None:
        """Have the next calls of an operation fail in these ways; None lets a call succeed."""
        with self._lock:
            self._scripts[operation].extend(faults)

    def mix(self, operation: str, shares: list[tuple[Fault, float]]) -> None:
        """Have each call of an operation fail with these probabilities, which replace earlier ones."""
        if sum(share for _, share in shares) > 1:
            raise ValueError("The shares are more than everything.")
        with self._lock:
            self._mixes[operation] = shares

    def clear(self) -> None:
        """Let everything succeed from now on."""
        with self._lock:
            self._scripts.clear()
            self._mixes.clear()

    def take(self, operation: str) -> Fault | None:
        """Return what is to happen to a call that has just come in."""
        with self._lock:
            if self._scripts[operation]:
                return self._scripts[operation].popleft()
            drawn = self._random.random()
            for fault, share in self._mixes.get(operation, []):
                drawn -= share
                if drawn < 0:
                    return fault
            return None
