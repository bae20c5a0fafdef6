"""gunicorn's settings for the signing service: the API's, except that each process builds an app of its own.

An app that is built before the processes part would leave the threads of its background work in the wrong one.
"""

import os

from app.gunicorn import (
    control_socket_disable,
    graceful_timeout,
    keepalive,
    limit_request_field_size,
    limit_request_fields,
    limit_request_line,
    timeout,
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
    "threads",
    "timeout",
    "worker_class",
    "workers",
]

#: Its signers are people; the API is one caller of many.
threads = int(os.environ.get("WEB_THREADS", "8"))
