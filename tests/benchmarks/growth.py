"""What a list and a create take among a million requests of the project, against among a thousand."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from statistics import median
from typing import Any

from sqlalchemy import insert

from app.config import Settings
from app.domain import clock
from app.domain.ids import new_id
from app.domain.lifecycle import Status
from app.extensions import db
from app.factory import create_app
from app.models import Recipient, SignatureRequest
from app.services.unit_of_work import unit_of_work
from tests.benchmarks import provider, servers
from tests.benchmarks.load import drive
from tests.benchmarks.servers import Site
from tests.benchmarks.table import Row

FEW, MANY = 1_000, 1_000_000
LIST_AT_MOST = 1.2
CREATE_AT_MOST = 1.3

#: Both sides take turns, a few requests at a time.
ROUNDS = 20
SAMPLES = 5
WARM_UP = 50
BATCH = 10_000


def measure() -> list[Row]:
    """Measure with one caller, so that nothing waits for anything else."""
    with (
        provider.running() as provider_port,
        servers.site(provider_port) as small,
        servers.site(provider_port) as large,
    ):
        fill(small, FEW)
        fill(large, MANY)
        with servers.api(small) as (small_port, _), servers.api(large) as (large_port, _):

            def compare(figure: str, ask: Callable[[Site], bytes], at_most: float) -> Row:
                few, many = [], []
                for site, port in ((small, small_port), (large, large_port)):
                    drive(port, (ask(site) for _ in range(WARM_UP)), callers=1)
                for _ in range(ROUNDS):
                    few += drive(small_port, (ask(small) for _ in range(SAMPLES)), callers=1).latencies
                    many += drive(large_port, (ask(large) for _ in range(SAMPLES)), callers=1).latencies
                return Row(
                    figure=f"median time of {figure} at {MANY:,} requests in the project, of that at {FEW:,}",
                    measured=1000 * median(many),
                    against=1000 * median(few),
                    ratio=median(many) / median(few),
                    unit="ms",
                    at_most=at_most,
                )

            return [compare("a list of 50", Site.list, LIST_AT_MOST), compare("a create", Site.create, CREATE_AT_MOST)]


def fill(site: Site, count: int) -> None:
    """Give the project so many requests of one person each."""
    app = create_app(Settings(database_url=site.environment["DATABASE_URL"], log_level="error"))
    with app.app_context():
        rows = _requests(site, count)
        while batch := list(islice(rows, BATCH)):
            with unit_of_work() as session:
                session.execute(insert(SignatureRequest), batch)
                session.execute(insert(Recipient), [_person(request) for request in batch])
        db.engine.dispose()


def _requests(site: Site, count: int) -> Iterator[dict[str, Any]]:
    start = clock.utcnow() - timedelta(milliseconds=count)
    for number in range(count):
        moment = start + number * clock.ONE_MILLISECOND
        yield {
            "id": new_id(),
            "project_id": site.project_id,
            "render_id": site.render_id,
            "name": f"Contract {number}",
            "status": Status.SENT,
            "expiration_hours": 168,
            "provider_id": f"filled-{number}",
            "claimed_at": moment,
            "created_at": moment,
            "due_at": moment + timedelta(hours=1),
        }


def _person(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "request_id": request["id"],
        "position": 0,
        "provider_id": f"person-{request['name']}",
        "first_name": "Jane",
        "last_name": "Doe",
        "email": "jane@example.com",
        "designation": "Signer",
        "order": 1,
    }
