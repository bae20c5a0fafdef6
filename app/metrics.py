"""What this process counts for Prometheus, shown together with what its sibling processes count.

Under gunicorn each worker counts in files of a folder that they share (app/gunicorn.py), so that any of them can show
the sums. Elsewhere, as in `countersign worker`, a process shows its own.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.request_log import Answered

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: The library's own variable: it chose how to count when it was imported, just now.
FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR")

#: The route of addresses that do not exist.
NOWHERE = "none"

#: Seconds: from a look-up to a create that takes its whole time-out.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

disable_created_metrics()

REQUESTS = Counter(
    "countersign_http_requests", "Requests that were answered.", ("method", "route", "status"), registry=None
)
REQUEST_SECONDS = Histogram(
    "countersign_http_request_duration_seconds",
    "Time until the answer was ready.",
    ("method", "route"),
    buckets=BUCKETS,
    registry=None,
)
PROVIDER_CALLS = Counter(
    "countersign_provider_calls", "Calls of the signing service.", ("operation", "outcome"), registry=None
)
PROVIDER_SECONDS = Histogram(
    "countersign_provider_call_duration_seconds",
    "Time until the signing service had answered, or the call had failed.",
    ("operation",),
    buckets=BUCKETS,
    registry=None,
)
COUNTED = (REQUESTS, REQUEST_SECONDS, PROVIDER_CALLS, PROVIDER_SECONDS)


class Families(Collector):
    """Numbers that were found out for this one answer."""

    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        yield from self._families


def count_request(answered: Answered) -> None:
    """Count a request that was answered."""
    route = answered.route or NOWHERE
    _requests(answered.method, route, answered.status).inc()
    _request_seconds(answered.method, route).observe(answered.seconds)


def count_provider_call(operation: str, outcome: str, seconds: float) -> None:
    """Count a call of the signing service; `outcome` is one of few words."""
    PROVIDER_CALLS.labels(operation, outcome).inc()
    PROVIDER_SECONDS.labels(operation).observe(seconds)


def expose(*families: Metric) -> bytes:
    """Return all numbers in Prometheus's text format: what was counted, and these."""
    registry = CollectorRegistry()
    build = GaugeMetricFamily("countersign_build_info", "Always 1.", labels=("version",))
    build.add_metric((version("countersign"),), 1)
    registry.register(Families(build, *families))
    if FOLDER is None:
        for counted in COUNTED:
            registry.register(counted)
        return generate_latest(registry)
    with _undisturbed(FOLDER):
        MultiProcessCollector(registry, path=FOLDER)
        return generate_latest(registry)


# Looking a label up in the library costs as much as counting; there are few routes, methods and statuses.


@cache
def _requests(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, str(status))


@cache
def _request_seconds(method: str, route: str) -> Histogram:
    return REQUEST_SECONDS.labels(method, route)


@contextmanager
def _undisturbed(folder: str) -> Iterator[None]:
    """Keep gunicorn from folding files together while they are read."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)
