"""How much memory the signing service has after 500 documents were sealed, against after 50."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from app.domain import clock
from tests.benchmarks.sealing import make_contract
from tests.benchmarks.signing_service import Signature, SigningService, signing_service
from tests.benchmarks.table import Row

AT_MOST = 1.2
FEW = 50
MANY = 500
#: How many wait for their seal at a time.
BATCH = 25
#: Seconds; sealing a batch takes a few.
PATIENCE = 120
PAUSE = 0.05


def measure() -> list[Row]:
    """Measure gunicorn and all its children, the ones that open PDFs included."""
    document = make_contract()
    with signing_service(workers=1) as service:
        _seal(service, document, times=FEW)
        few = resident_mib(service.pid)
        _seal(service, document, times=MANY - FEW)
        many = resident_mib(service.pid)
    return [
        Row(
            figure=f"resident memory after {MANY} sealed documents, of after {FEW}",
            measured=many,
            against=few,
            ratio=many / few,
            unit="MiB",
            at_most=AT_MOST,
        )
    ]


def resident_mib(pid: int) -> float:
    """Return what a process and all below it hold in memory."""
    return sum(_resident_kib(each) for each in _family(pid)) / 1024


def _seal(service: SigningService, document: bytes, *, times: int) -> None:
    waiting = iter(range(times))
    while batch := list(islice(waiting, BATCH)):
        asked = [service.ask(document) for _ in batch]
        for each in asked:
            service.sign(each)
        _wait_for_seals(service, asked)


def _wait_for_seals(service: SigningService, asked: Sequence[Signature]) -> None:
    deadline = clock.monotonic() + PATIENCE
    for each in asked:
        while not service.is_sealed(each):
            assert clock.monotonic() < deadline, "a document was not sealed"
            clock.sleep(PAUSE)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(each for file in children for child in file.read_text().split() for each in _family(int(child)))]


def _resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
