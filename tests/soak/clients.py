"""The callers of a soak: good clients, who retry with the same key and the same body until they know."""

import heapq
import threading
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

import requests

from app.domain import clock
from tests.callers import make_body, make_recipient
from tests.soak.actors import Actor
from tests.soak.ledger import TERMINAL_WORDS, Ledger, Order

#: Shares of what clients do.
CONTESTED, CANCELLED, READ_AGAIN, TWO_SIGNERS = 0.08, 0.25, 0.5, 0.2
CONTESTANTS = 3

#: An order is waited for this long inside one call; the API answers far sooner, unless it is killed.
TIMEOUT = (2, 60)
IDLE_SECONDS = 0.02
CANCEL_TRIES = 5
#: What the API may answer to a create besides 200, 201 and 402: in doubt, refused for now, or busy.
RETRIED = frozenset({409, 429, 502, 503})


class Client(Actor):
    """One caller: makes orders, contests some with others, cancels some, reads some again."""

    def __init__(
        self, number: int, *, origin: str, api_key: str, renders: Sequence[str], ledger: Ledger, seed: int
    ) -> None:
        super().__init__(f"client-{number}", ledger=ledger)
        self._random = Random(f"{seed}-{self.name}")
        self._origin = origin
        self._renders = renders
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {api_key}"
        self._lock = threading.Lock()
        self._due: list[tuple[float, int, str, Any]] = []
        self._numbers = count(1)
        self.others: Sequence[Client] = ()
        #: Set: make no more orders, only finish what was begun.
        self.no_more = threading.Event()

    def act(self) -> None:
        while not self.ended.is_set():
            job = self._next()
            if job is not None:
                self._do(*job)
            elif not self.no_more.is_set():
                self._make_order()
            else:
                clock.sleep(IDLE_SECONDS)
        self._session.close()

    def offer(self, order: Order) -> None:
        """Have this client ask for an order too, at once."""
        self._later(0, "create", order)

    def ask(self, order: Order) -> requests.Response | None:
        """Send an order once and note the answer; None when the connection broke."""
        answer = self._send("POST", "/v1/signatures", json=order.body, headers={"Idempotency-Key": order.key})
        if answer is None:
            return None
        self.ledger.count(f"create {answer.status_code}")
        match answer.status_code:
            case 200 | 201:
                self.ledger.created(order, answer.status_code, answer.json())
            case 402:
                self.ledger.refused(order)
            case status if status not in RETRIED:
                self.ledger.violated(f"create of {order.key} answered {status}: {answer.text[:300].strip()}")
        return answer

    def _do(self, what: str, subject: Any) -> None:
        match what:
            case "create":
                self._create(subject)
            case "cancel":
                self._cancel(*subject)
            case "read":
                self._read(subject)

    def _make_order(self) -> None:
        number = next(self._numbers)
        key = f"{self.name}-{number}"
        signers = 2 if self._random.random() < TWO_SIGNERS else 1
        people = [make_recipient(email=f"signer{place}@example.com") for place in range(1, signers + 1)]
        body = make_body(self._random.choice(self._renders), name=f"Contract {key}.", recipients=people)
        order = Order(key, body)
        self.ledger.open(order)
        if self._random.random() < CONTESTED:
            for other in self._random.sample(self.others, CONTESTANTS):
                other.offer(order)
        self._create(order)

    def _create(self, order: Order) -> None:
        answer = self.ask(order)
        if answer is None:
            self._later(0.3, "create", order)
        elif answer.status_code in RETRIED or answer.status_code >= 500:
            self._later(_retry_after(answer) or self._random.uniform(0.2, 1), "create", order)
        elif answer.status_code == 201:
            request_id = answer.json()["id"]
            if self._random.random() < CANCELLED:
                self._later(self._random.uniform(0, 3), "cancel", (request_id, CANCEL_TRIES))
            if self._random.random() < READ_AGAIN:
                self._later(self._random.uniform(3, 15), "read", request_id)

    def _cancel(self, request_id: str, tries: int) -> None:
        answer = self._send("POST", f"/v1/signatures/{request_id}/cancel", json={"reason": "Changed our mind"})
        status = answer.status_code if answer is not None else None
        self.ledger.count(f"cancel {status}")
        if status == 200:
            self.ledger.seen(answer.json())
        elif answer is None or status == 502 or _retry_after(answer):
            if tries > 1:
                self._later(self._random.uniform(0.5, 2), "cancel", (request_id, tries - 1))
        elif status != 409:
            self.ledger.violated(f"cancel of {request_id} answered {status}: {answer.text[:300].strip()}")

    def _read(self, request_id: str) -> None:
        answer = self._send("GET", f"/v1/signatures/{request_id}")
        if answer is None:
            self._later(1, "read", request_id)
            return
        self.ledger.count(f"read {answer.status_code}")
        if answer.status_code != 200:
            self.ledger.violated(f"{request_id} was acknowledged; reading it answered {answer.status_code}")
            return
        self.ledger.seen(answer.json())
        if answer.json()["status"] in TERMINAL_WORDS and self._random.random() < READ_AGAIN:
            self._later(self._random.uniform(5, 20), "read", request_id)

    def _send(self, method: str, path: str, **kwargs: Any) -> requests.Response | None:
        try:
            return self._session.request(method, self._origin + path, timeout=TIMEOUT, **kwargs)
        except requests.RequestException as error:
            # Killed while it answered, or not started again yet.
            self.ledger.count(type(error).__name__)
            return None

    def _later(self, seconds: float, what: str, subject: Any) -> None:
        with self._lock:
            heapq.heappush(self._due, (clock.monotonic() + seconds, next(self._numbers), what, subject))

    def _next(self) -> tuple[str, Any] | None:
        with self._lock:
            if self._due and self._due[0][0] <= clock.monotonic():
                _, _, what, subject = heapq.heappop(self._due)
                return what, subject
        return None


def _retry_after(answer: requests.Response) -> float | None:
    value = answer.headers.get("Retry-After")
    return float(value) if value else None
