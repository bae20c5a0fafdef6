"""Connections that stay open are shared out among gunicorn's processes."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.soak.stack import Process, free_ports, wait_until_answers

pytestmark = pytest.mark.processes

WORKERS = 2
CONNECTIONS = 16


def open_sockets(pid: int) -> int:
    """Return how many sockets a process has."""
    links = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(link.startswith("socket:") for link in links)


def test_no_process_accepts_nearly_all_connections(database_template, tmp_path):
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn.py", "-b", f"127.0.0.1:{port}", "wsgi:app"]
    with database_template.copy(tmp_path) as database_url, ExitStack() as exits:
        environment = {"DATABASE_URL": database_url, "STORAGE_URL": f"file:{tmp_path}", "WEB_CONCURRENCY": str(WORKERS)}
        process = Process("api", command, environment, tmp_path)
        exits.callback(process.stop)
        process.start()
        health = f"http://127.0.0.1:{port}/v1/health"
        wait_until_answers(health)
        while len(process.children()) < WORKERS:
            pass

        for _ in range(CONNECTIONS):
            assert exits.enter_context(requests.Session()).get(health, timeout=10).ok

        held = [open_sockets(pid) for pid in process.children()]
    assert sum(held) >= CONNECTIONS
    assert min(held) >= CONNECTIONS // 4
