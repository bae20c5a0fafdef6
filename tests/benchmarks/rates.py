"""How many requests a second the API answers at eight callers, against the floor."""

from collections.abc import Callable, Iterator
from itertools import repeat
from statistics import median

import requests

from tests.benchmarks import provider, servers
from tests.benchmarks.load import HOST, drive, for_seconds
from tests.benchmarks.table import Row

CREATE_AT_LEAST = 0.3
READ_AT_LEAST = 0.35
LIST_AT_LEAST = 0.2

#: Other work of the machine comes and goes, so each figure is the median over rounds in which both sides take turns.
ROUNDS = 7
SECONDS = 1.0
WARM_UP = 100

Ask = Callable[[], bytes]


def measure() -> list[Row]:
    """Measure a create, a get, the replay of an idempotency key and a list of fifty."""
    with (
        provider.running() as provider_port,
        servers.floor(provider_port) as floor,
        servers.site(provider_port) as site,
        servers.api(site) as (port, _),
    ):
        drive(port, (site.create() for _ in range(WARM_UP)))
        drive(port, [site.create(key="replayed")], callers=1)
        ours = newest(port, "/v1/signatures", "signatures", key=site.key)
        theirs = newest(floor.port, "/requests", "requests", key="")
        figures: list[tuple[str, float, Ask, Ask]] = [
            ("creates of a 30 KB PDF per second", CREATE_AT_LEAST, site.create, floor.create),
            ("gets per second", READ_AT_LEAST, lambda: site.read(ours), lambda: floor.read(theirs)),
            (
                "replays of an idempotency key per second, of reads",
                READ_AT_LEAST,
                lambda: site.create(key="replayed"),
                lambda: floor.read(theirs),
            ),
            ("lists of 50 per second", LIST_AT_LEAST, site.list, floor.list),
        ]
        return [
            _row(figure, at_least, _rounds(port, ask, floor.port, ask_floor))
            for figure, at_least, ask, ask_floor in figures
        ]


def _rounds(port: int, ask: Ask, floor_port: int, ask_floor: Ask) -> list[tuple[float, float]]:
    """Return pairs of answers per second: ours, and the floor's just after."""
    drive(port, (ask() for _ in range(WARM_UP)))
    drive(floor_port, (ask_floor() for _ in range(WARM_UP)))
    return [(_rate(port, ask), _rate(floor_port, ask_floor)) for _ in range(ROUNDS)]


def _rate(port: int, ask: Ask) -> float:
    return drive(port, for_seconds(endlessly(ask), SECONDS)).rate


def endlessly(ask: Ask) -> Iterator[bytes]:
    """Yield requests without end."""
    for make in repeat(ask):
        yield make()


def _row(figure: str, at_least: float, rounds: list[tuple[float, float]]) -> Row:
    return Row(
        figure=f"{figure}, of the floor's",
        measured=median(ours for ours, _ in rounds),
        against=median(floor for _, floor in rounds),
        ratio=median(ours / floor for ours, floor in rounds),
        unit="/s",
        at_least=at_least,
    )


def newest(port: int, path: str, member: str, *, key: str) -> str:
    """Return the id of the newest item that a list shows."""
    answer = requests.get(f"http://{HOST}:{port}{path}", headers={"Authorization": f"Bearer {key}"}, timeout=10)
    return str(answer.json()[member][0]["id"])
