"""gunicorn's settings for the signing service: the API's, and its background work in each process."""

import os
from typing import Any

from app.gunicorn import (
    control_socket_disable,
    graceful_timeout,
    keepalive,
    limit_request_field_size,
    limit_request_fields,
    limit_request_line,
    post_fork,
    preload_app,
    timeout,
    when_ready,
    worker_class,
    workers,
)

__all__ = [
    "control_socket_disable",
    "graceful_timeout",
    "keepalive",
    "limit_request_field_size",
    "limit_request_fields",
    "limit_request_line",
    "post_fork",
    "preload_app",
    "threads",
    "timeout",
    "when_ready",
    "worker_class",
    "workers",
]

#: Its signers are people; the API is one caller of many.
threads = int(os.environ.get("WEB_THREADS", "8"))


def post_worker_init(worker: Any) -> None:
    """Start the background work: a fork takes no threads along, so it cannot have started with the app."""
    worker.wsgi.extensions["signer"].jobs.start()
