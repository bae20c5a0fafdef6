"""gunicorn builds the app once and forks: what is open then, two processes would share, and threads stay behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import Settings

STATE = """
print([os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")[:-1]])
for thread in threading.enumerate()[1:]:
    thread.join(1)  # Flask-Limiter's store starts one that ends at once.
print(threading.active_count())
"""


@pytest.mark.parametrize("build", ["import wsgi", "from app.signer import create_signer; app = create_signer()"])
def test_no_connection_to_the_database_is_open_and_no_thread_stays_when_gunicorn_forks(
    settings: Settings, tmp_path, build
) -> None:
    environment = {
        "DATABASE_URL": settings.database_url,
        "PYTHONPATH": str(Path.cwd()),
        "SIGNER_API_KEYS": "key-of-the-api-0123456789",
        "SIGNER_DATABASE_URL": f"sqlite:///{tmp_path}/signer-test.db",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import os, threading\n{build}\n{STATE}"],
        env={**os.environ, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    open_files, threads = done.stdout.splitlines()
    assert "test.db" not in open_files
    assert "socket:" not in open_files
    assert threads == "1"
