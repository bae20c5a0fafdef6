"""How many page pictures a second people get from the cache, against the same bytes as a static file."""

from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import requests

from app.signer.page_guard import LINK_COOKIE
from tests.benchmarks.load import HOST, drive, for_seconds
from tests.benchmarks.sealing import make_contract
from tests.benchmarks.signing_service import served, signing_service
from tests.benchmarks.table import Row

AT_LEAST = 0.5
WORKERS = 2
ROUNDS = 7
SECONDS = 1.0
WARM_UP = 200


def measure() -> list[Row]:
    """Measure the first page of a contract, both sides under the same gunicorn settings."""
    with TemporaryDirectory(prefix="countersign-static-") as name, signing_service(workers=WORKERS) as service:
        wanted = service.ask(make_contract())
        ours = service.look_at(wanted, page=1)
        picture = requests.get(
            f"http://{HOST}:{service.port}{wanted.page}/pages/1.png", cookies={LINK_COOKIE: wanted.token}, timeout=30
        ).content
        assert picture.startswith(b"\x89PNG")
        file = Path(name) / "page.png"
        file.write_bytes(picture)
        floor = served(
            "tests.benchmarks.static_file:app",
            {"STATIC_FILE": str(file)},
            folder=Path(name),
            path="/",
            workers=WORKERS,
            config="tests/benchmarks/bare_gunicorn.py",
        )
        with floor as (port, _):
            rounds = [(_rate(service.port, ours), _rate(port, ours)) for _ in range(ROUNDS)]
    return [
        Row(
            figure=f"page pictures of {len(picture) // 1024} KB per second, of a static file",
            measured=median(served for served, _ in rounds),
            against=median(floor for _, floor in rounds),
            ratio=median(served / floor for served, floor in rounds),
            unit="/s",
            at_least=AT_LEAST,
        )
    ]


def _rate(port: int, asked: bytes) -> float:
    drive(port, [asked] * WARM_UP)
    return drive(port, for_seconds(repeat(asked), SECONDS)).rate
