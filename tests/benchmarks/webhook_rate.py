"""How many deliveries a second one worker makes, against a plain loop that posts the same bodies."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import requests

from app.domain import clock
from app.models import WebhookSubscription
from app.services import delivering
from app.services.lanes import WINDOW
from app.worker import DELIVERIES_AT_A_TIME
from tests.benchmarks.stage import Stage, stage
from tests.benchmarks.table import Row

AT_LEAST = 0.5
DELIVERIES = 1000
WARM_UP = 100
ROUNDS = 3


def measure() -> list[Row]:
    """Measure with one subscription, which has few threads to itself, and with ten, which use all there are."""
    return [_measure(subscriptions=1), _measure(subscriptions=10)]


def _measure(*, subscriptions: int) -> Row:
    threads = min(subscriptions * WINDOW, DELIVERIES_AT_A_TIME)
    with stage() as on:
        subscribed = [on.subscribe(on.receiver_url) for _ in range(subscriptions)]
        _round(on, subscribed, deliveries=WARM_UP, threads=threads)
        rounds = [_round(on, subscribed, deliveries=DELIVERIES, threads=threads) for _ in range(ROUNDS)]
    return Row(
        figure=f"webhook deliveries per second, {subscriptions} subscription{'s'[: subscriptions > 1]}, "
        f"of a loop of posts in {threads} threads",
        measured=median(ours for ours, _ in rounds),
        against=median(floor for _, floor in rounds),
        ratio=median(ours / floor for ours, floor in rounds),
        unit="/s",
        at_least=AT_LEAST,
    )


def _round(
    on: Stage, subscribed: Sequence[WebhookSubscription], *, deliveries: int, threads: int
) -> tuple[float, float]:
    """Return what the worker makes a second, and what the loop makes."""
    bodies = on.let_wait(subscribed, requests=deliveries // len(subscribed))
    started = clock.monotonic()
    made = delivering.run_once(limit=DELIVERIES_AT_A_TIME, deps=on.deps)
    ours = made / (clock.monotonic() - started)
    assert made == len(bodies), f"{made} attempts at {len(bodies)} deliveries: some failed, or were not due"
    return ours, _floor(on.receiver_url, bodies, threads=threads)


def _floor(url: str, bodies: Sequence[bytes], *, threads: int) -> float:
    shares = [bodies[number::threads] for number in range(threads)]
    started = clock.monotonic()
    with ThreadPoolExecutor(max_workers=threads) as pool:
        list(pool.map(_post, [url] * threads, shares))
    return len(bodies) / (clock.monotonic() - started)


def _post(url: str, bodies: Sequence[bytes]) -> None:
    with requests.Session() as session:
        # Looking for proxies and passwords each time would make the floor lower than it has to be.
        session.trust_env = False
        for body in bodies:
            session.post(url, data=body, timeout=15).raise_for_status()
