"""`/metrics`: the numbers of this installation, for Prometheus."""

from collections.abc import Iterator

import structlog
from flask import Blueprint, Response, abort, request
from prometheus_client.core import GaugeMetricFamily

from app import metrics
from app.api.deps import dependencies
from app.proxies import SPOKEN_FOR, is_within
from app.services import gauges
from app.services.gauges import Gauges

log = structlog.get_logger(__name__)

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Answer with all numbers; to an address that may not read them as if there were nothing here."""
    settings = dependencies().settings
    # A proxy that is not trusted hides who asks: it may have the address of one who may, on the same machine.
    if SPOKEN_FOR in request.environ or not is_within(request.remote_addr or "", settings.metrics_allowed_cidrs):
        abort(404)
    if request.is_multiprocess and metrics.FOLDER is None:
        log.error("metrics would be those of one process of several: start gunicorn with -c app/gunicorn.py")
        abort(503)
    found = gauges.read(settings)
    database_up = GaugeMetricFamily(
        "countersign_database_up", "1 when the database could be read.", value=0 if found is None else 1
    )
    body = metrics.expose(database_up, *(_families(found) if found else ()))
    return Response(body, content_type=metrics.CONTENT_TYPE)


def _families(found: Gauges) -> Iterator[GaugeMetricFamily]:
    requests = GaugeMetricFamily(
        "countersign_signature_requests", "Signature requests there are, by status.", labels=("status",)
    )
    for status, count in found.requests.items():
        requests.add_metric((status,), count)
    rows, oldest, patience = (
        GaugeMetricFamily(f"countersign_backlog_{name}", description, labels=("backlog",))
        for name, description in (
            ("rows", "What waits."),
            ("oldest_seconds", "How long the oldest of it has waited; 0 when nothing waits."),
            ("patience_seconds", "How long waiting is normal; beyond it a person should look (countersign doctor)."),
        )
    )
    for waiting in found.backlogs:
        label = (waiting.name.replace(" ", "_"),)
        rows.add_metric(label, waiting.count)
        oldest.add_metric(label, waiting.oldest.total_seconds() if waiting.count else 0)
        patience.add_metric(label, waiting.patience.total_seconds())
    yield from (requests, rows, oldest, patience)
    yield GaugeMetricFamily(
        "countersign_webhooks_switched_off",
        "Webhooks that were switched off because their receivers failed.",
        value=found.webhooks_switched_off,
    )
