"""What a signing service that takes two seconds per create does to creates, and to everybody else."""

import threading

from app.domain import clock
from tests.benchmarks import provider, servers
from tests.benchmarks.load import Load, drive, for_seconds
from tests.benchmarks.rates import endlessly, newest
from tests.benchmarks.table import Row

DELAY = 2
CALLERS = 16
CREATES_AT_LEAST = 0.9
GET_AT_MOST = 2

SECONDS = 20
#: Seconds until all callers wait for the signing service.
SETTLING = 1
#: The one who gets asks now and then, as people do: it is the time of an answer that counts.
PAUSE = 0.02


def measure() -> list[Row]:
    """Measure creates at sixteen callers, and the gets of one more meanwhile."""
    with (
        provider.running(delay=DELAY) as provider_port,
        servers.site(provider_port) as site,
        servers.api(site) as (port, _),
    ):
        # Everything has been used once before it counts.
        drive(port, (site.create() for _ in range(2 * CALLERS)), callers=CALLERS)
        request = site.read(newest(port, "/v1/signatures", "signatures", key=site.key))
        idle = _gets(port, request)
        loads: list[Load] = []
        creating = threading.Thread(
            target=lambda: loads.append(drive(port, for_seconds(endlessly(site.create), SECONDS), callers=CALLERS))
        )
        creating.start()
        clock.sleep(SETTLING)
        busy = _gets(port, request)
        creating.join()
        (creates,) = loads
    possible = CALLERS / DELAY
    return [
        Row(
            figure=f"creates per second at {CALLERS} callers while the signing service takes {DELAY} s for each, "
            f"of {CALLERS} / {DELAY} s",
            measured=creates.rate,
            against=possible,
            ratio=creates.rate / possible,
            unit="/s",
            at_least=CREATES_AT_LEAST,
        ),
        Row(
            figure="median time of a get meanwhile, of that without them",
            measured=1000 * busy.median,
            against=1000 * idle.median,
            ratio=busy.median / idle.median,
            unit="ms",
            at_most=GET_AT_MOST,
        ),
    ]


def _gets(port: int, request: bytes) -> Load:
    def now_and_then() -> bytes:
        clock.sleep(PAUSE)
        return request

    return drive(port, for_seconds(endlessly(now_and_then), SECONDS / 2), callers=1)
