"""`countersign worker`."""

import signal
import threading

import click
from flask import Flask

from app import worker
from app.api.deps import EXTENSION
from app.cli.context import with_app


@click.command("worker")
@click.option("--once", is_flag=True, help="Do all that is due, then exit.")
@with_app
def run_worker(app: Flask, *, once: bool) -> None:
    """Do the background work: events, archiving, requests in doubt, webhooks."""
    deps = app.extensions[EXTENSION]
    if once:
        done = worker.run_until_idle(app, deps)
        click.echo(f"Attended to {done} rows.")
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.run(app, deps, stop)
