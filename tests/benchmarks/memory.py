"""How much memory the processes take: idle, at the largest document, and after many requests."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from app.domain import clock
from app.services.signatures import LARGEST_DOCUMENT
from tests.benchmarks import provider, servers
from tests.benchmarks.deployed import hide_what_only_tests_need
from tests.benchmarks.load import drive
from tests.benchmarks.rates import newest
from tests.benchmarks.servers import Site
from tests.benchmarks.table import Row
from tests.e2e.stack import running_stack

IDLE_AT_MOST_MB = 200
CREATE_AT_MOST = 3
LATER_AT_MOST = 1.1

EARLY, LATE = 5_000, 50_000
#: Seconds until the start of a process no longer shows.
SETTLING = 5
MB = 1_000_000
KIB = 1024


def measure() -> list[Row]:
    """Measure the whole stack idle, and the API at work."""
    return [_idle(), _largest_create(), _after_many_requests()]


def _idle() -> Row:
    with (
        TemporaryDirectory(prefix="countersign-idle-") as name,
        TemporaryDirectory(prefix="countersign-absent-") as absent,
        running_stack(Path(name), WEB_CONCURRENCY="2", **hide_what_only_tests_need(Path(absent))) as stack,
    ):
        clock.sleep(SETTLING)
        # Without the process above them, which passes on their output and shares no memory with them.
        measured = proportional(descendants(stack.pid)) / MB
    return Row(
        figure="memory of API, worker and signing service, idle (`make run`), of the megabytes that it may take",
        measured=measured,
        against=IDLE_AT_MOST_MB,
        ratio=measured / IDLE_AT_MOST_MB,
        unit="MB",
        at_most=1,
    )


def _largest_create() -> Row:
    with (
        provider.running() as provider_port,
        servers.site(provider_port, document_bytes=LARGEST_DOCUMENT) as site,
        servers.api(site) as (port, gunicorn),
    ):
        drive(port, (site.list() for _ in range(100)))
        workers = gunicorn.children()
        idle = {pid: _status(pid, "VmRSS") for pid in workers}
        for pid in workers:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # The peak is counted from now on.
        drive(port, [site.create()], callers=1)
        above = max(_status(pid, "VmHWM") - idle[pid] for pid in workers)
    return Row(
        figure="peak memory of the API above idle while it creates a request of 20 MiB, of the file",
        measured=above / MB,
        against=LARGEST_DOCUMENT / MB,
        ratio=above / LARGEST_DOCUMENT,
        unit="MB",
        at_most=CREATE_AT_MOST,
    )


def _after_many_requests() -> Row:
    with (
        provider.running() as provider_port,
        servers.site(provider_port) as site,
        servers.api(site) as (port, gunicorn),
    ):
        drive(port, [site.create(key="replayed")], callers=1)
        mix = _mix(site, newest(port, "/v1/signatures", "signatures", key=site.key))
        drive(port, _take(mix, EARLY))
        early = proportional([gunicorn.pid, *descendants(gunicorn.pid)])
        drive(port, _take(mix, LATE - EARLY))
        late = proportional([gunicorn.pid, *descendants(gunicorn.pid)])
    return Row(
        figure=f"memory of the API after {LATE:,} creates, gets, replays and lists, of that after {EARLY:,}",
        measured=late / MB,
        against=early / MB,
        ratio=late / early,
        unit="MB",
        at_most=LATER_AT_MOST,
    )


def _mix(site: Site, request_id: str) -> Iterator[bytes]:
    while True:
        yield site.create()
        yield site.read(request_id)
        yield site.create(key="replayed")
        yield site.list()


def _take(requests: Iterator[bytes], number: int) -> Iterable[bytes]:
    return (request for _, request in zip(range(number), requests, strict=False))


def descendants(pid: int) -> Sequence[int]:
    """Return the processes that a process started, and those that they started."""
    children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [each for child in children for each in (child, *descendants(child))]


def proportional(pids: Iterable[int]) -> int:
    """Return the bytes that the processes take, each shared page counted once in all."""
    return sum(_kib(Path(f"/proc/{pid}/smaps_rollup"), "Pss") for pid in pids)


def _status(pid: int, name: str) -> int:
    return _kib(Path(f"/proc/{pid}/status"), name)


def _kib(file: Path, name: str) -> int:
    line = next(line for line in file.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * KIB
