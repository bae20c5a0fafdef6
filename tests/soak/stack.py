"""The processes of a soak: the signing service, the API under gunicorn, and the background workers."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from app.domain import clock
from tests.soak.plan import BACKGROUND_WORKERS, GUNICORN_THREADS, GUNICORN_WORKERS

HOST = "127.0.0.1"
PROJECT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 60
SECONDS_TO_STOP = 20


class Process:
    """One of our processes, in a process group of its own, that can be killed and started again."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, **environment}
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._groups.add(self.pid)

    def kill(self) -> None:
        """Kill this process and none of its children, as the system does when memory runs out."""
        if self.is_running:
            os.kill(self.pid, signal.SIGKILL)
            self._process.wait()

    def kill_group(self) -> None:
        """Kill this process and all its children at once, as a power cut does."""
        if self.is_running:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def ask_to_stop(self) -> None:
        if self.is_running:
            self._process.terminate()

    def wait(self, seconds: float) -> int:
        """Wait until it ends; return its exit status, or raise TimeoutExpired."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> None:
        """Ask it to stop; then end whatever it and its predecessors have left."""
        self.ask_to_stop()
        if self.is_running:
            try:
                self._process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                self.kill()
        for group in self._groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                # Nothing is left of it: the usual case.
                continue

    def children(self) -> list[int]:
        """Return the pids of its children now."""
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except FileNotFoundError:
            return []
        return [int(pid) for pid in text.split()]


class Stack:
    """All processes of a soak."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        api_ports: Sequence[int],
        provider_port: int,
        seed: int,
        folder: Path,
    ) -> None:
        python = sys.executable
        gunicorn = [python, "-m", "gunicorn", "-c", "app/gunicorn.py", "wsgi:app", "-b"]
        sizes = {"WEB_CONCURRENCY": str(GUNICORN_WORKERS), "WEB_THREADS": str(GUNICORN_THREADS)}
        service = [python, "-m", "tests.fakes.provider_server", "--port", str(provider_port), "--seed", str(seed)]
        self.provider = Process("provider", service, {}, folder)
        self.apis = [
            Process(f"api-{number}", [*gunicorn, f"{HOST}:{port}"], {**environment, **sizes}, folder)
            for number, port in enumerate(api_ports, start=1)
        ]
        self.workers = [
            Process(f"worker-{number}", [python, "-m", "app.cli", "worker"], environment, folder)
            for number in range(1, BACKGROUND_WORKERS + 1)
        ]
        self._api_origins = [f"http://{HOST}:{port}" for port in api_ports]
        self._provider_origin = f"http://{HOST}:{provider_port}"
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything; stop everything, whatever happens."""
        processes = [self.provider, *self.apis, *self.workers]
        try:
            for process in processes:
                process.start()
            wait_until_answers(f"{self._provider_origin}/control/pending")
            for origin in self._api_origins:
                wait_until_answers(f"{origin}/v1/health")
            yield
        finally:
            _stop(processes)

    def revive(self) -> list[str]:
        """Start again what has died; return the names."""
        with self._lock:
            dead = [process for process in (*self.apis, *self.workers) if not process.is_running]
            for process in dead:
                process.start()
        return [process.name for process in dead]

    def stop_workers(self) -> None:
        _stop(self.workers)


def _stop(processes: Sequence[Process]) -> None:
    """Stop them all together, whatever happens to one."""
    with ExitStack() as exits:
        for process in processes:
            exits.callback(process.stop)
            process.ask_to_stop()


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports of the loopback address on which nobody listens."""
    with ExitStack() as exits:
        sockets = [exits.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return tuple(each.getsockname()[1] for each in sockets)


def wait_until_answers(url: str) -> None:
    deadline = clock.monotonic() + SECONDS_TO_START
    while True:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            # Not yet.
            pass
        if clock.monotonic() > deadline:
            raise TimeoutError(f"{url} does not answer")
        clock.sleep(0.1)
