"""`/metrics` of real processes: two gunicorn workers under one address, and the background worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.stack import free_port
from tests.samples import Samples

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30
WORKERS = 2


class Api:
    """gunicorn with two workers, as the README starts it."""

    def __init__(self, folder: Path, database_url: str, port: int) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.url = f"http://127.0.0.1:{port}"
        environment = {"DATABASE_URL": database_url, "WEB_CONCURRENCY": str(WORKERS), "TMPDIR": str(self.temporary)}
        self.process = start(
            folder, "gunicorn", "-c", str(ROOT / "app/gunicorn.py"), "--log-level", "critical",
            "--pythonpath", str(ROOT), "-b", f"127.0.0.1:{port}", "wsgi:app", **environment,
        )  # fmt: skip
        wait_for(self.url + "/v1/health")

    def ask(self, times: int) -> None:
        """Ask on a new connection each time, so that every worker gets its share."""
        for _ in range(times):
            assert requests.get(f"{self.url}/v1/signatures", timeout=5).status_code == 401

    def counted(self) -> float:
        samples = Samples(requests.get(f"{self.url}/metrics", timeout=5).text)
        return samples.since(Samples(""))(
            "countersign_http_requests_total", method="GET", route="/v1/signatures", status="401"
        )

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def folders(self) -> list[Path]:
        return list(self.temporary.glob("countersign-metrics-*"))

    def replace_workers(self) -> None:
        """Kill every worker, and wait until others have come for them."""
        old = set(self.workers())
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while old & set(self.workers()) or len(self.workers()) < WORKERS:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        wait_for(self.url + "/v1/health")


def start(folder: Path, *command: str, **environment: str) -> subprocess.Popen[bytes]:
    with (folder / "processes.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=log,
            stderr=log,
        )


def wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def running(folder: Path, database_url: str) -> Iterator[Api]:
    api = Api(folder, database_url, free_port())
    try:
        yield api
    finally:
        api.process.terminate()
        api.process.wait(PATIENCE_SECONDS)


def test_the_workers_numbers_are_summed_and_survive_them_but_not_a_restart(settings, tmp_path):
    with running(tmp_path, settings.database_url) as api:
        api.ask(30)
        assert {api.counted() for _ in range(10)} == {30}

        api.replace_workers()
        api.ask(10)
        assert {api.counted() for _ in range(5)} == {40}

        (folder,) = api.folders()
        names = {file.name.rpartition("_")[2] for file in folder.iterdir()}
        assert names <= {f"{pid}.db" for pid in api.workers()} | {"gone.db", "lock"}
        assert folder.stat().st_mode & 0o077 == 0
    assert api.folders() == []

    with running(tmp_path, settings.database_url) as api:
        assert api.counted() == 0


@pytest.mark.crashes
def test_what_a_killed_server_has_left_is_removed_at_the_next_start(settings, tmp_path):
    with running(tmp_path, settings.database_url) as api:
        workers = api.workers()
        api.process.kill()
        wait_until_gone(workers)
        (left,) = api.folders()

    with running(tmp_path, settings.database_url) as api:
        (own,) = api.folders()
        assert own != left


def test_the_background_worker_shows_its_own_numbers(settings, tmp_path):
    port = free_port()
    environment = {"DATABASE_URL": settings.database_url, "WORKER_METRICS_BIND": f"127.0.0.1:{port}"}
    worker = start(tmp_path, "app.cli", "worker", **environment)
    try:
        wait_for(f"http://127.0.0.1:{port}/metrics")
        answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5)
        elsewhere = requests.get(f"http://127.0.0.1:{port}/", timeout=5)
    finally:
        worker.terminate()
        worker.wait(PATIENCE_SECONDS)

    assert Samples(answer.text)("countersign_build_info", version="0.1.0") == 1
    assert "countersign_provider_calls_total" in answer.text
    assert elsewhere.status_code == 404
    assert worker.returncode == 0
