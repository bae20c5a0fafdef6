"""The signing service as real processes, which can be killed; and people who sign while that happens."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from app.signer.page_forms import ADOPTED, Ink
from app.signer.page_guard import form_key
from tests.signer.service import API_KEY, REQUESTS

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
_FAILED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


@dataclass
class Fleet:
    """gunicorn with two workers in a folder of its own; whoever is killed is started again."""

    folder: Path
    port: int
    database_url: str
    #: What else differs from the defaults.
    environment: Mapping[str, str]
    master: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "--log-level", "critical", "--pythonpath", str(ROOT)]
        command += ["-c", str(ROOT / "app/signer/gunicorn.py"), "-b", f"127.0.0.1:{self.port}"]
        with (self.folder / "fleet.log").open("ab") as log:
            self.master = subprocess.Popen(
                [*command, "app.signer:create_signer()"],
                cwd=self.folder,
                env={
                    **os.environ,
                    "SIGNER_API_KEYS": API_KEY,
                    "SIGNER_PUBLIC_URL": self.url,
                    "SIGNER_DATABASE_URL": self.database_url,
                    "SIGNER_STORAGE_URL": f"file:{self.folder / 'storage'}",
                    **self.environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.master.pid}/task/{self.master.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def kill_worker(self) -> bool:
        """Kill the oldest worker, if there is one just now; the master starts another."""
        workers = self.workers()
        if workers:
            kill(workers[0])
        return bool(workers)

    def kill_all(self) -> None:
        """Kill every process, as a power cut does, and start anew."""
        doomed = [*self.workers(), self.master.pid]
        for pid in doomed:
            kill(pid)
        self.master.wait()
        self.start()

    def stop(self) -> None:
        self.master.terminate()
        self.master.wait(timeout=30)

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Call until somebody answers."""
        return self.insist(requests.Session(), method, path, headers={"Authorization": API_KEY}, **arguments)

    def insist(self, session: requests.Session, method: str, path: str, **arguments: Any) -> requests.Response:
        """Do as people do: try again when nobody answers."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return session.request(method, self.url + path, timeout=20, allow_redirects=False, **arguments)
            except _FAILED:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def sign(self, token: str, fields: list[str]) -> None:
        """Open the link, enter a signature in these fields and finish."""
        session = requests.Session()
        key = {"form_key": form_key(token)}
        opened = self.insist(session, "POST", f"/signing/{token}/open", data=key)
        assert opened.status_code == 303, opened.status_code
        values = {f"field.{field}": ADOPTED for field in fields} | {Ink.SIGNATURE.input_name: "typed:Ana Ruiz"}
        page = opened.headers["Location"]
        finished = self.insist(session, "POST", f"{page}/finish", data=key | values | {"consent": "yes"})
        # 409: the answer to the first attempt was lost with the process, but not what it did.
        assert finished.status_code in {303, 409}, finished.text

    def tokens(self) -> dict[str, str]:
        """Return the token of each person by address, from the mails so far."""
        found = {}
        for mail in (self.folder / "var" / "mail").glob("*.eml"):
            text = mail.read_text()
            token = re.search(r"/signing/([\w-]+)", text)
            if token:
                found[re.search(r"^To:.*<(.*)>", text, re.MULTILINE)[1]] = token[1]
        return found

    def detail(self, envelope_id: str, rest: str = "") -> Any:
        return self.call("GET", f"{REQUESTS}/{envelope_id}{rest}").json()


@contextmanager
def running_fleet(folder: Path, port: int, *, database_url: str, **environment: str) -> Iterator[Fleet]:
    fleet = Fleet(folder, port, database_url, environment)
    fleet.start()
    try:
        fleet.call("GET", "/health")
        yield fleet
    finally:
        fleet.stop()


@contextmanager
def killing(fleet: Fleet, *, every: float, times: int) -> Iterator[list[str]]:
    """Kill a worker now and then, and at every third time all there is; yields what was killed."""
    over = threading.Event()
    killed: list[str] = []

    def kill_on() -> None:
        while len(killed) < times and not over.wait(every):
            if len(killed) % 3 == 2:
                fleet.kill_all()
                killed.append("all")
            elif fleet.kill_worker():
                killed.append("worker")

    killer = threading.Thread(target=kill_on)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
