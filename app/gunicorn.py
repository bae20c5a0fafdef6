"""gunicorn's settings for the API: `gunicorn -c app/gunicorn.py wsgi:app` (README, "Deployment")."""

import fcntl
import gc
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from app.server import metrics_folder
from app.server.worker import PatientWorker, keep_early_stops


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


#: New objects that are not gone yet, before Python looks for circles among them. Its own 700 are reached several times
#: in one request, and what a request leaves behind goes without being looked for.
YOUNG_OBJECTS = 10_000


post_fork = keep_early_stops


def when_ready(_server: Any) -> None:
    """Take all that the app is made of out of garbage collection: it stays, so it need not be looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


#: The variable of prometheus_client: where the workers keep what they count, so that each can show the sums.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# The library looks for it when it is imported, with the app. At a reload both are there already, and stay.
if "prometheus_client" not in sys.modules:
    os.environ[METRICS_FOLDER] = str(metrics_folder.new_name())


def on_starting(_arbiter: Any) -> None:
    """Make the folder; remove those of masters that were killed, or that could not have their address."""
    folder = Path(os.environ[METRICS_FOLDER])
    metrics_folder.remove_left(folder.parent)
    metrics_folder.make(folder)


def on_exit(_arbiter: Any) -> None:
    """Remove the folder."""
    shutil.rmtree(os.environ[METRICS_FOLDER], ignore_errors=True)


def child_exit(_arbiter: Any, worker: Any) -> None:
    """Fold what a worker has counted into the file of those that are gone: sums stay, and files do not pile up.

    While somebody reads the files this one stays as it is, and counts all the same.
    """
    folder = Path(os.environ[METRICS_FOLDER])
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.glob(f"*_{worker.pid}.db"):
            _fold(left, into=left.with_name(f"{left.name.partition('_')[0]}_gone.db"))
    except BlockingIOError:
        pass  # Waiting here would keep the other workers unattended.
    finally:
        os.close(descriptor)


def _fold(left: Path, *, into: Path) -> None:
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 (not before the folder is named)

    if left.stat().st_size:  # Else the worker was killed while it made the file.
        gone = MmapedDict(str(into))
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(left)):
            gone.write_value(key, gone.read_value(key)[0] + value, 0.0)
        gone.close()
    left.unlink()
