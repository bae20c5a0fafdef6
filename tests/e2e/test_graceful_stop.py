"""A stop (SIGTERM, as systemd sends it) cuts no request and leaves no job half-done."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.api_process import ApiProcess, running_api
from tests.soak.stack import Process, wait_until_answers

pytestmark = pytest.mark.processes

SECONDS_TO_STOP = 30


@pytest.fixture
def api(database_template, tmp_path) -> Iterator[ApiProcess]:
    with (
        database_template.copy(tmp_path) as database_url,
        running_api(database_url, tmp_path, PROVIDER_POLL_SECONDS="1") as running,
    ):
        yield running


def test_a_request_that_waits_for_the_signing_service_is_answered_before_the_api_stops(api):
    api.provider.script("create", {"kind": "hang", "seconds": 2})

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(api.create)
        while api.create_calls() == 0:
            pass
        api.process.ask_to_stop()

    assert answer.result().status_code == 201
    assert api.process.wait(SECONDS_TO_STOP) == 0


def test_the_worker_finishes_the_file_it_is_fetching_and_stops(api, tmp_path):
    created = api.create().json()
    (envelope,) = api.provider.envelopes_of(created["id"])
    api.provider.sign(envelope["id"])
    api.provider.script("download", {"kind": "hang", "seconds": 2})
    worker = Process("worker", [sys.executable, "-m", "app.cli", "worker"], api.environment, tmp_path)
    worker.start()
    try:
        while api.provider.calls("download") == 0:
            pass
        worker.ask_to_stop()

        assert worker.wait(SECONDS_TO_STOP) == 0
    finally:
        worker.stop()
    assert api.get(f"/v1/signatures/{created['id']}").json()["status"] == "completed"


def test_a_killed_master_leaves_its_address_to_the_next_while_its_worker_finishes(api):
    api.provider.script("create", {"kind": "hang", "seconds": 8})

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(api.create)
        while api.create_calls() == 0:
            pass
        api.process.kill()
        api.process.start()
        while not api.process.children():  # It has none before it has the address.
            assert api.process.is_running
        assert not answer.done()
        wait_until_answers(f"{api.url}/v1/health")
    assert answer.result().status_code == 201
