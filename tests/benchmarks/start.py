"""How long the API takes from its start to its first answer."""

from statistics import median

import requests

from app.domain import clock
from tests.benchmarks import provider, servers
from tests.benchmarks.load import HOST
from tests.benchmarks.servers import Site
from tests.benchmarks.table import Row
from tests.soak.stack import Process, free_ports

SECONDS_AT_MOST = 1.5
STARTS = 5
PATIENCE = 60
PAUSE = 0.005


def measure() -> list[Row]:
    """Measure the start of gunicorn with the API, as the README starts it."""
    with provider.running() as provider_port, servers.site(provider_port) as site:
        seconds = median(_start(site) for _ in range(STARTS))
    return [
        Row(
            figure="from the start of the API to its first 200, of the seconds that it may take",
            measured=seconds,
            against=SECONDS_AT_MOST,
            ratio=seconds / SECONDS_AT_MOST,
            unit="s",
            at_most=1,
        )
    ]


def _start(site: Site) -> float:
    (port,) = free_ports(1)
    process = Process("start", servers.gunicorn("wsgi:app", port), site.environment, site.folder)
    started = clock.monotonic()
    process.start()
    try:
        while not _answers(port):
            assert clock.monotonic() < started + PATIENCE, "the API does not start"
            clock.sleep(PAUSE)
        return clock.monotonic() - started
    finally:
        process.stop()


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://{HOST}:{port}/v1/health", timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False
