"""gunicorn's settings for the API: `gunicorn -c app/gunicorn.py wsgi:app` (README, "Deployment")."""

import gc
import os
from typing import Any

from app.server.worker import PatientWorker


class Worker(PatientWorker):
    """Threads, because a request may wait for the signing service or for SQLite's one writer while others go on."""

    patience = float(os.environ.get("WEB_CLIENT_SECONDS", "20"))


#: Of threads there are many: one process may accept most of the connections, and while creates wait for a slow signing
#: service there must be threads left for everybody else. A thread that was never needed is never started.
worker_class = Worker
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "32"))

#: A create may take its whole time-out, the look-ups after a lost answer included, before a stop cuts it.
graceful_timeout = 90

#: A heartbeat of the worker's main thread, not a limit of requests.
timeout = 60
keepalive = 30

#: Its default is one file for every gunicorn of the user: two of ours would fight over it.
control_socket_disable = True

#: Longer than any id, cursor or key that means something.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 4094

#: The app is built once, before the processes part: they share its memory and start together. Nothing in it opens a
#: connection before the first request.
preload_app = True


def when_ready(_server: Any) -> None:
    """Take all that the app is made of out of garbage collection: it stays, so it need not be looked through again."""
    gc.collect()
    gc.freeze()
