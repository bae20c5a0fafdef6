"""Processes as one command: what they write, how they end, and with which status."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from app import processes
processes.SECONDS_TO_END = 0.2
sys.exit(processes.attend(processes.fork_each(json.loads(sys.argv[1]))))
"""

MODULES = {
    "speaks": "import sys; print(*sys.argv[1:]); print('aside', file=sys.stderr); sys.exit(3)",
    "fails_when_told": (
        "import signal, sys\nsignal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))\nprint('here')\nsignal.pause()"
    ),
    "waits": "import signal; print('here'); signal.pause()",
    "speaks_when_told": (
        "import signal\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('again'))\n"
        "print('here')\n"
        "while True: signal.pause()"
    ),
    "stays": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here')\nwhile True: signal.pause()",
    "ends_in_order": (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit('in order'))\n"
        "print('here')\n"
        "while True: signal.pause()"
    ),
}


@pytest.fixture
def modules(tmp_path) -> Path:
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
    return tmp_path


@contextmanager
def running(modules: Path, commands: str, *under: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*under, sys.executable, "-c", PROGRAM, commands],
        env={**os.environ, "PYTHONPATH": f"{modules}:{Path(__file__).parents[2]}", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        # The suite itself may run under nohup, which is passed on.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 (no thread forks here)
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()  # Nothing, if it has ended.


def pid_of(process: subprocess.Popen[str], name: str) -> int:
    line = read_until(process, f"{name} started")
    return int(line.rpartition(" ")[2].rstrip(")\n"))


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    return next(line for line in process.stdout if wanted in line)


def test_every_line_says_who_wrote_it(modules):
    with running(modules, '{"one": ["speaks", "a word", "or two"], "other": ["waits"]}') as process:
        lines = process.stdout.read().splitlines()

    assert "one   | a word or two" in lines
    assert "one   | aside" in lines


def test_when_one_ends_so_do_the_others_and_its_status_is_that_of_all(modules):
    with running(modules, '{"one": ["fails_when_told"], "other": ["ends_in_order"]}') as process:
        pid = pid_of(process, "one")
        read_until(process, "here")
        read_until(process, "here")
        os.kill(pid, signal.SIGUSR1)
        lines = process.stdout.read().splitlines()

    assert process.returncode == 3
    assert lines.index("one ended with status 3") < lines.index("other ended with status 1")
    assert "other | in order" in lines


def test_one_that_is_killed_ends_the_others(modules):
    with running(modules, '{"one": ["waits"], "other": ["waits"]}') as process:
        pid = pid_of(process, "other")
        read_until(process, "other | here")
        os.kill(pid, signal.SIGKILL)
        process.wait(timeout=10)

    assert process.returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_who_asks_them_to_end_gets_the_status_of_success(modules, number):
    with running(modules, '{"one": ["waits"], "other": ["waits"]}') as process:
        read_until(process, "here")
        process.send_signal(number)
        process.wait(timeout=10)

    assert process.returncode == 0


def test_under_nohup_they_outlive_the_terminal(modules):
    with running(modules, '{"one": ["waits"]}', "nohup") as process:
        read_until(process, "here")
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.send_signal(signal.SIGTERM)

    assert process.returncode == 0


def test_one_that_does_not_end_when_asked_is_killed(modules):
    with running(modules, '{"one": ["stays"]}') as process:
        read_until(process, "here")
        process.send_signal(signal.SIGTERM)
        lines = process.stdout.read().splitlines()

    assert lines == ["one ended with status 137"]
    assert process.returncode == 0


def test_when_nobody_reads_any_more_they_end(modules):
    with running(modules, '{"one": ["speaks_when_told"], "other": ["waits"]}') as process:
        pid = pid_of(process, "one")
        read_until(process, "one   | here")
        process.stdout.close()
        os.kill(pid, signal.SIGUSR1)
        process.wait(timeout=10)

    assert process.returncode == 0
