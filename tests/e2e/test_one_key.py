"""64 callers with one key, over several gunicorn workers: one envelope, whatever dies."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e.api_process import ApiProcess, running_api
from tests.soak.stack import wait_until_answers

pytestmark = pytest.mark.crashes

CALLERS = 64
WORKERS = 3


@pytest.fixture
def server(database_template, tmp_path) -> Iterator[ApiProcess]:
    with (
        database_template.copy(tmp_path) as database_url,
        running_api(database_url, tmp_path, IDEMPOTENCY_WAIT_SECONDS="3", WEB_CONCURRENCY=str(WORKERS)) as running,
    ):
        yield running


def create_by_all(server: ApiProcess) -> list[requests.Response | None]:
    with ThreadPoolExecutor(CALLERS) as pool:
        return [future.result() for future in [pool.submit(server.create) for _ in range(CALLERS)]]


def test_one_of_64_callers_creates_and_the_others_get_the_same_request(server):
    server.provider.script("create", {"kind": "hang", "seconds": 0.5})

    answers = create_by_all(server)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CALLERS - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert server.create_calls() == 1


def test_past_the_wait_the_losers_are_told_to_come_back(server):
    server.provider.script("create", {"kind": "hang", "seconds": 8})
    server.provider.mix("list", ("error_before", 1.0))

    answers = create_by_all(server)

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
    answers = create_by_all(server)

    assert Counter(answer.status_code for answer in answers) == {200: CALLERS}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert server.create_calls() == 1
    assert len(server.provider.state()["envelopes"]) == 1
