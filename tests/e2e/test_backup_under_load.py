"""A backup while everything runs and callers create; then a restore elsewhere that knows all that was acknowledged."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.builders.pdfs import make_pdf
from tests.callers import make_anchor, make_body
from tests.e2e.stack import Stack, running_stack

pytestmark = [pytest.mark.crashes, pytest.mark.processes]

CALLERS = 6
BEFORE = 40


@dataclass
class Order:
    """A create that was acknowledged, and the PDF it was for."""

    number: int
    pdf: bytes
    body: dict
    request_id: str

    @property
    def key(self) -> str:
        return f"order-{self.number}"


@dataclass
class Load:
    """Callers that create requests, each with its own PDF and key, until they are told to stop."""

    stack: Stack
    orders: list[Order] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    enough: threading.Event = field(default_factory=threading.Event)

    def create_on(self, first: int) -> None:
        number = first
        while not self.stop.is_set():
            pdf = make_pdf(text=f"{{{{sign_here}}}} {number}")
            render = call(self.stack, "POST", "/v1/renders", data=pdf, headers={"Content-Type": "application/pdf"})
            body = make_body(render.json()["id"], fields=None, anchorTags=[make_anchor()])
            created = call(
                self.stack, "POST", "/v1/signatures", json=body, headers={"Idempotency-Key": f"order-{number}"}
            )
            assert created.status_code == 201, created.text
            self.orders.append(Order(number, pdf, body, created.json()["id"]))
            if len(self.orders) >= BEFORE:
                self.enough.set()
            number += CALLERS


@contextmanager
def loaded(stack: Stack) -> Iterator[Load]:
    load = Load(stack)
    threads = [threading.Thread(target=load.create_on, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        assert load.enough.wait(timeout=120)
        yield load
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()


def call(stack: Stack, method: str, path: str, **arguments) -> requests.Response:
    headers = {"Authorization": f"Bearer {stack.key}", **arguments.pop("headers", {})}
    return requests.request(method, stack.api_url + path, headers=headers, timeout=60, **arguments)


def ours(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=folder, env=os.environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A stack under load that is backed up, and killed in the middle of another backup; the stack is stopped then."""
    folder = tmp_path_factory.mktemp("old")
    with running_stack(folder) as stack:
        demo = stack.run("-m", "app.demo")
        assert demo.returncode == 0, demo.stderr
        with loaded(stack) as load:
            before = list(load.orders)
            backup = stack.run("-m", "app.cli", "backup", "backup")
            assert backup.returncode == 0, backup.stderr
            kill_midway(folder)
        during = [order for order in load.orders if order not in before]
    return folder, before, during


def kill_midway(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "app.cli", "backup", "torn"], cwd=folder, env=os.environ)
    while not list((folder / "torn").rglob("*.pdf")):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "torn/SHA256SUMS").exists()


def test_a_backup_that_was_killed_is_refused(scene, tmp_path):
    folder, _, _ = scene

    refused = ours(tmp_path, "restore", str(folder / "torn"))

    assert refused.returncode == 1
    assert "There is no SHA256SUMS in it" in refused.stderr
    assert not (tmp_path / "var/countersign.db").exists()


def test_every_envelope_that_the_api_knows_is_in_the_backup_of_the_signing_service(scene):
    folder, before, _ = scene
    known = column(folder / "backup/countersign/database.db", "SELECT provider_id FROM signature_requests")
    sent = column(folder / "backup/signer/database.db", "SELECT id FROM envelopes")

    assert len(known) > len(before)
    assert {each.replace("-", "") for each in known if each} <= set(sent)


def column(database: Path, query: str) -> list[str]:
    with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as connection:
        return [value for (value,) in connection.execute(query)]


def test_what_was_acknowledged_is_there_after_a_restore_and_nothing_is_torn(scene, tmp_path):
    folder, before, during = scene
    assert during
    restored = ours(tmp_path, "restore", str(folder / "backup"))
    assert restored.returncode == 0, restored.stderr
    # The secrets of `countersign run` are settings, and no part of a backup.
    shutil.copy(folder / "var/local.env", tmp_path / "var/local.env")

    with running_stack(tmp_path) as stack:
        for order in before:
            again = call(stack, "POST", "/v1/signatures", json=order.body, headers={"Idempotency-Key": order.key})
            assert (again.status_code, again.json()["id"]) == (200, order.request_id)
        found = [order for order in [*before, *during] if is_whole(stack, order)]
        assert len(found) >= len(before)
        assert stack.run("-m", "app.cli", "verify", str(folder / "var/demo/signed.pdf")).returncode == 0
        assert stack.run("-m", "app.demo").returncode == 0


def is_whole(stack: Stack, order: Order) -> bool:
    """Say whether a request is there; if it is, all of it must be."""
    request = call(stack, "GET", f"/v1/signatures/{order.request_id}")
    if request.status_code == 404:
        return False
    assert request.json()["status"] == "sent"
    assert len(request.json()["recipients"]) == 1
    assert call(stack, "GET", f"/v1/renders/{order.body['renderId']}/download").content == order.pdf
    return True
