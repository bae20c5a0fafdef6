"""The events of the fake signing service, sent for real, and lost, doubled, shuffled or late by a seeded mix."""

import hashlib
import heapq
import hmac
import json
import threading
from dataclasses import dataclass
from itertools import count
from random import Random
from time import monotonic
from typing import Any

import requests

from app.domain import clock
from tests.fakes import provider_answers
from tests.fakes.provider_state import Envelope

#: Like the service: three attempts; but a test cannot wait five minutes for the second (section 13.4).
WAITS = (0.5, 2.0)
SENDERS = 3


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where events go, and what becomes of them on the way: shares between 0 and 1, and seconds."""

    url: str
    secret: str
    lost: float = 0
    doubled: float = 0
    late: float = 0
    late_seconds: float = 5
    #: Each event is held back by up to this much, so that neighbours overtake each other.
    shuffled_seconds: float = 0


class EventSender:
    """Sends events from threads of its own, the due ones first."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._changed = threading.Condition()
        self._queue: list[tuple[float, int, int, str, bytes]] = []
        self._numbers = count(1)
        self._delivery: Delivery | None = None
        self._in_flight = 0
        self._is_stopped = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(SENDERS)]
        self.counts = {"told": 0, "lost": 0, "delivered": 0, "failed": 0}

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)

    def deliver_to(self, delivery: Delivery | None) -> None:
        """Send events there from now on; None sends none, and forgets those that wait."""
        with self._changed:
            self._delivery = delivery
            if delivery is None:
                self._queue.clear()

    def pending(self) -> int:
        with self._changed:
            return len(self._queue) + self._in_flight

    def tell(self, envelope: Envelope, kind: str) -> None:
        """Queue an event about an envelope: not at all, once or twice, now or later."""
        with self._changed:
            delivery = self._delivery
            if delivery is None:
                return
            self.counts["told"] += 1
            if self._random.random() < delivery.lost:
                self.counts["lost"] += 1
                return
            number = next(self._numbers)
            body = _event(f"evt_{number}_{self._random.getrandbits(48):012x}", kind, envelope)
            for _ in range(2 if self._random.random() < delivery.doubled else 1):
                delay = self._random.uniform(0, delivery.shuffled_seconds)
                if self._random.random() < delivery.late:
                    delay += delivery.late_seconds
                self._enqueue(delay, 0, kind, body)

    def _enqueue(self, delay: float, attempt: int, kind: str, body: bytes) -> None:
        heapq.heappush(self._queue, (monotonic() + delay, next(self._numbers), attempt, kind, body))
        self._changed.notify()

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (job := self._next()) is not None:
                delivery, attempt, kind, body = job
                is_delivered = _send(session, delivery, kind, body)
                with self._changed:
                    self._in_flight -= 1
                    if is_delivered:
                        self.counts["delivered"] += 1
                    elif attempt < len(WAITS):
                        self._enqueue(WAITS[attempt], attempt + 1, kind, body)
                    else:
                        self.counts["failed"] += 1

    def _next(self) -> tuple[Delivery, int, str, bytes] | None:
        """Wait for an event that is due; return None when it is time to stop."""
        with self._changed:
            while not self._is_stopped:
                wait = self._queue[0][0] - monotonic() if self._queue else None
                if wait is not None and wait <= 0 and self._delivery is not None:
                    _, _, attempt, kind, body = heapq.heappop(self._queue)
                    self._in_flight += 1
                    return self._delivery, attempt, kind, body
                self._changed.wait(wait)
            return None


def _event(event_id: str, kind: str, envelope: Envelope) -> bytes:
    event: dict[str, Any] = {
        "id": event_id,
        "type": kind,
        "created_at": clock.utcnow().isoformat(timespec="milliseconds"),
        "data": provider_answers.event_data(envelope),
    }
    return json.dumps(event, separators=(",", ":")).encode()


def sign_event(secret: str, body: bytes) -> str:
    """Return the signature header of a body, sent now (section 13.3)."""
    moment = str(int(clock.utcnow().timestamp()))
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def _send(session: requests.Session, delivery: Delivery, kind: str, body: bytes) -> bool:
    headers = {
        "Content-Type": "application/json",
        "X-Firma-Event": kind,
        "X-Firma-Signature": sign_event(delivery.secret, body),
    }
    try:
        return session.post(delivery.url, data=body, headers=headers, timeout=5, allow_redirects=False).ok
    except requests.RequestException:
        # The receiver is being killed and started again: that is what this is for.
        return False
