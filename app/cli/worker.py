"""`countersign worker`."""

import signal
import threading
from contextlib import AbstractContextManager, nullcontext

import click
from flask import current_app

from app import worker
from app.api.deps import dependencies
from app.cli.context import long_running
from app.config import Settings, SettingsError
from app.metrics_server import MetricsServer


@click.command("worker")
@click.option("--once", is_flag=True, help="Do all that is due, then exit.")
@long_running
def run_worker(*, once: bool) -> None:
    """Do the background work. That is events, archiving, requests in doubt, and webhooks."""
    deps = dependencies()
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (threads take the app along)
    if once:
        done = worker.run_until_idle(app, deps)
        click.echo(f"Attended to {done} rows.")
        return
    with _shown_metrics(deps.settings):
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        worker.run(app, deps, stop)


def _shown_metrics(settings: Settings) -> AbstractContextManager[object]:
    if settings.worker_metrics_bind is None:
        return nullcontext()
    host, port = settings.worker_metrics_bind
    try:
        return MetricsServer(host, port, allowed=settings.metrics_allowed_cidrs)
    except OSError as error:
        raise SettingsError(f"WORKER_METRICS_BIND: cannot listen there: {error.strerror}.") from error
