"""How long a fresh delivery takes to a healthy receiver while thousands wait for a dead one, against none waiting."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from uuid import UUID

from sqlalchemy import func, select

from app import worker
from app.domain import clock
from app.models import DeliveryStatus, WebhookAttempt, WebhookDelivery
from app.services import deliveries
from app.services.unit_of_work import reading
from tests.benchmarks.receiver import HANGS
from tests.benchmarks.stage import Stage, stage
from tests.benchmarks.table import Row

BELOW = 2
WAITING = 10_000
SAMPLES = 60
SEED = 20261120
#: Seconds. The default of one second would hide what the worker does between; this is far stricter.
IDLE = 0.005
#: Seconds from one fresh delivery to the next at most; at random, so that they meet the worker in all its states.
LONGEST_PAUSE = 0.1
#: Seconds; the dead endpoint times out some times while it is measured.
TIME_LIMIT = 2
PATIENCE = 60


def measure() -> list[Row]:
    """Measure with an endpoint that answers nothing, and with one that refuses the connection."""
    idle = _median_delay(dead_url=None)
    with _refusing_port() as refusing_url:
        delays = {"hangs": _median_delay(dead_url=HANGS), "refuses": _median_delay(dead_url=refusing_url)}
    return [
        Row(
            figure=f"median delay of a fresh delivery while {WAITING:,} wait for an endpoint that {how}, "
            "of the one with none waiting",
            measured=delay,
            against=idle,
            ratio=delay / idle,
            unit="ms",
            below=BELOW,
        )
        for how, delay in delays.items()
    ]


@contextmanager
def _refusing_port() -> Iterator[str]:
    """Yield an address at which every connection is refused: the port is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def _median_delay(*, dead_url: str | None) -> float:
    """Return milliseconds from the call that queues a delivery to its arrival."""
    with stage(worker_idle_seconds=IDLE, webhook_timeout=TIME_LIMIT) as on:
        healthy = on.subscribe(on.receiver_url)
        dead = None
        if dead_url is not None:
            dead = on.subscribe(on.receiver_url + HANGS if dead_url == HANGS else dead_url)
            on.let_wait([dead], requests=WAITING)
        with _working(on):
            queued_at = _queue_fresh(on, healthy.id)
            arrived_at = _await_arrivals(healthy.id)
        if dead is not None:
            _check_that_all_waited(dead.id)
    return 1000 * median(arrived_at[each] - queued_at[each] for each in queued_at)


@contextmanager
def _working(on: Stage) -> Iterator[None]:
    """Run the worker, as `countersign worker` does."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(on.app, on.deps, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _queue_fresh(on: Stage, subscription_id: UUID) -> dict[UUID, float]:
    """Queue deliveries, one after the other; return when each was queued."""
    dice = random.Random(SEED)
    queued_at = {}
    for _ in range(SAMPLES):
        clock.sleep(dice.uniform(0, LONGEST_PAUSE))
        now = clock.monotonic()
        queued_at[deliveries.queue_test(subscription_id, project_id=on.project_id).id] = now
    return queued_at


def _await_arrivals(subscription_id: UUID) -> dict[UUID, float]:
    """Return when each arrived: the receiver answers with its clock, and an attempt keeps the answer."""
    query = select(WebhookAttempt.delivery_id, WebhookAttempt.answer).join(
        WebhookDelivery, WebhookDelivery.id == WebhookAttempt.delivery_id
    )
    query = query.where(WebhookDelivery.subscription_id == subscription_id)
    end = clock.monotonic() + PATIENCE
    while True:
        with reading() as session:
            answers = session.execute(query).all()
        if len(answers) == SAMPLES:
            return {delivery_id: float(answer) for delivery_id, answer in answers}
        assert clock.monotonic() < end, f"only {len(answers)} of {SAMPLES} fresh deliveries arrived"
        clock.sleep(LONGEST_PAUSE)


def _check_that_all_waited(subscription_id: UUID) -> None:
    """Make sure that the worker tried the dead endpoint, and that none of its deliveries has come to an end."""
    of_dead = WebhookDelivery.subscription_id == subscription_id
    with reading() as session:
        tried, waiting = session.execute(
            select(func.sum(WebhookDelivery.failures), func.count()).where(
                of_dead, WebhookDelivery.status == DeliveryStatus.PENDING
            )
        ).one()
    assert tried > 0, "the dead endpoint was never tried"
    assert waiting == WAITING, f"only {waiting} still waited at the end"
