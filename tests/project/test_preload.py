"""gunicorn builds the app once and forks: whatever is open then, two processes would share."""

import os
import subprocess
import sys

from app.config import Settings

OPEN_FILES = "import wsgi, os; print([os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')[:-1]])"


def test_no_connection_to_the_database_is_open_when_gunicorn_forks(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_FILES],
        env={**os.environ, "DATABASE_URL": settings.database_url},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "test.db" not in done.stdout
    assert "socket:" not in done.stdout
