"""The whole stack as real processes: what `make run` starts, in a folder of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS_TO_START = 60
SECONDS_TO_STOP = 20


@dataclass
class Stack:
    folder: Path
    api_url: str
    signer_url: str
    key: str
    pid: int

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours beside the stack."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={**os.environ, "COUNTERSIGN_URL": self.api_url, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@contextmanager
def running_stack(folder: Path, **environment: str) -> Iterator[Stack]:
    """Start `countersign run` and wait for its welcome; stop it as Ctrl-C does."""
    api, signer = free_port(), free_port()
    log = folder / "run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "run", "--port", str(api), "--signer-port", str(signer)],
            cwd=folder,
            env={**os.environ, "WEB_CONCURRENCY": "1", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            key = _await_key(process, log)
            yield Stack(folder, f"http://127.0.0.1:{api}", f"http://127.0.0.1:{signer}", key, process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await_key(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        text = log.read_text()
        if found := re.findall(r"API key   (ck_live_\S+)", text):
            return found[-1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the stack did not start:\n{log.read_text()[-3000:]}")
