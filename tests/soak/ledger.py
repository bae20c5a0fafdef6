"""What the clients of a soak were told: the promises that are checked in the end."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from app.domain.lifecycle import TERMINAL

#: The statuses that must never change, as the wire spells them.
TERMINAL_WORDS = frozenset(str(status) for status in TERMINAL)


@dataclass
class Order:
    """One thing that a client wants sent out, under one idempotency key."""

    key: str
    body: dict[str, Any]
    #: Ids that were answered for the key, with the HTTP status, in the order of the answers.
    answers: list[tuple[int, str]] = field(default_factory=list)
    is_refused: bool = False

    @property
    def is_settled(self) -> bool:
        return bool(self.answers) or self.is_refused


class Ledger:
    """Shared by all clients; safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.orders: dict[str, Order] = {}
        #: The first terminal status that a client was told of a request.
        self.ended: dict[str, str] = {}
        self.violations: list[str] = []
        #: How often each thing happened, for the post-mortem.
        self.counts: Counter[str] = Counter()

    def open(self, order: Order) -> None:
        with self._lock:
            self.orders[order.key] = order

    def created(self, order: Order, status: int, request: dict[str, Any]) -> None:
        """Note that the API acknowledged an order."""
        with self._lock:
            order.answers.append((status, request["id"]))
        self.seen(request)

    def refused(self, order: Order) -> None:
        with self._lock:
            order.is_refused = True

    def seen(self, request: dict[str, Any]) -> None:
        """Note the state of a request that the API showed; a terminal one must be the last."""
        with self._lock:
            before = self.ended.get(request["id"])
            if before is not None and before != request["status"]:
                self.violations.append(f"{request['id']} was {before} and became {request['status']}")
            if request["status"] in TERMINAL_WORDS:
                self.ended.setdefault(request["id"], request["status"])

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def violated(self, sentence: str) -> None:
        with self._lock:
            self.violations.append(sentence)

    def unsettled(self) -> list[Order]:
        with self._lock:
            return [order for order in self.orders.values() if not order.is_settled]
