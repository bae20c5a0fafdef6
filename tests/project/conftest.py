"""Commands of ours, against the database of the test."""

import pytest
from click.testing import CliRunner

from app.cli import main
from tests.commands import lines


@pytest.fixture
def run(settings, tmp_path, monkeypatch):
    """Run a command against the database of the test; return its result."""
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("LOG_LEVEL", "error")
    monkeypatch.setenv("STORAGE_URL", f"file:{tmp_path / 'storage'}")

    def invoke(*arguments):
        return CliRunner().invoke(main, arguments)

    return invoke


@pytest.fixture
def project_id(run):
    return lines(run("projects", "create", "Acme"))[-1]
