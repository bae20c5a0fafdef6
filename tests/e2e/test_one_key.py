"""64 callers with one key, over several gunicorn workers: one envelope, whatever dies."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests

from app.config import Settings
from app.factory import create_app
from tests.callers import make_body, make_caller
from tests.fakes.provider_server import ProviderServer
from tests.soak.stack import Process, free_ports, wait_until_answers

pytestmark = pytest.mark.crashes

CALLERS = 64
WORKERS = 3


@dataclass
class Server:
    process: Process
    url: str
    key: str
    render_id: str
    provider: ProviderServer

    def create(self) -> requests.Response | None:
        """Create with the one key; None when the server died before it answered."""
        try:
            return requests.post(
                f"{self.url}/v1/signatures",
                json=make_body(self.render_id),
                headers={"Authorization": f"Bearer {self.key}", "Idempotency-Key": "order-12345"},
                timeout=60,
            )
        except requests.ConnectionError:
            return None

    def create_by_all(self) -> list[requests.Response | None]:
        with ThreadPoolExecutor(CALLERS) as pool:
            return [future.result() for future in [pool.submit(self.create) for _ in range(CALLERS)]]

    def create_calls(self) -> int:
        return sum(len(calls) for calls in self.provider.state()["create_calls"].values())


@pytest.fixture
def server(database_template, tmp_path) -> Iterator[Server]:
    (port,) = free_ports(1)
    with database_template.copy(tmp_path) as database_url, ProviderServer() as provider:
        environment = {
            "DATABASE_URL": database_url,
            "STORAGE_URL": f"file:{tmp_path / 'storage'}",
            "SIGNING_PROVIDER_URL": provider.url,
            "SIGNING_PROVIDER_API_KEY": provider.api_key,
            "IDEMPOTENCY_WAIT_SECONDS": "3",
            "WEB_CONCURRENCY": str(WORKERS),
            "LOG_LEVEL": "error",
        }
        settings = Settings(database_url=database_url, storage_url=environment["STORAGE_URL"], log_level="error")
        caller = make_caller(create_app(settings))
        render_id = caller.upload()
        command = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn.py", "-b", f"127.0.0.1:{port}", "wsgi:app"]
        process = Process("api", command, environment, tmp_path)
        process.start()
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_answers(f"{url}/v1/health")
            yield Server(process, url, caller.key, render_id, provider)
        finally:
            process.stop()


def test_one_of_64_callers_creates_and_the_others_get_the_same_request(server):
    server.provider.script("create", {"kind": "hang", "seconds": 0.5})

    answers = server.create_by_all()

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CALLERS - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert server.create_calls() == 1


def test_past_the_wait_the_losers_are_told_to_come_back(server):
    server.provider.script("create", {"kind": "hang", "seconds": 8})
    server.provider.mix("list", ("error_before", 1.0))

    answers = server.create_by_all()

    counts = Counter(answer.status_code for answer in answers)
    assert counts[201] == 1
    assert counts[201] + counts[200] + counts[409] == CALLERS
    assert counts[409] > 0
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 409)
    assert server.create_calls() == 1


def test_when_the_winner_is_killed_half_way_there_still_is_one_envelope(server):
    server.provider.script("create", {"kind": "hang", "seconds": 5})

    with ThreadPoolExecutor(CALLERS) as pool:
        futures = [pool.submit(server.create) for _ in range(CALLERS)]
        while server.create_calls() == 0:
            pass
        for worker in server.process.children():
            os.kill(worker, signal.SIGKILL)
        killed = [future.result() for future in futures]
    assert None in killed

    wait_until_answers(f"{server.url}/v1/health")
    answers = server.create_by_all()

    assert Counter(answer.status_code for answer in answers) == {200: CALLERS}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert server.create_calls() == 1
    assert len(server.provider.state()["envelopes"]) == 1
