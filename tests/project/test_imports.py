"""What a process loads stays in its memory: each of ours does without what only others need."""

import subprocess
import sys

import pytest

#: Reads and draws PDFs: only child processes do.
PDF = {"PIL", "fpdf", "fontTools", "pikepdf", "pypdfium2", "uharfbuzz"}
SEALING = {"aiohttp", "asn1crypto", "pyhanko", "pyhanko_certvalidator"}
UPGRADES = {"alembic", "flask_migrate", "mako"}
API = {"apispec", "flask_limiter", "flask_smorest", "webargs"}


@pytest.mark.parametrize(
    ("entry", "unwanted"),
    [
        ("app.factory", PDF | SEALING | UPGRADES | {"boto3", "cryptography"}),
        ("app.cli.worker", PDF | SEALING | UPGRADES | API | {"boto3", "cryptography"}),
        ("app.signer.factory", PDF | SEALING | UPGRADES | API | {"boto3"}),
    ],
)
def test_a_process_that_serves_does_not_load_what_it_does_not_need(entry, unwanted):
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, app.cli, {entry}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert unwanted.isdisjoint(loaded.stdout.split())
