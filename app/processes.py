"""Processes as one command: what they share is loaded once, they write into one output, and they end together.

Each is a fork of this process that goes on as `python -m …`: the memory of what was loaded before is one for all.
"""

import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Self

#: How long the others have to end, once one has ended or somebody has asked for the end.
SECONDS_TO_END = 5

#: Ctrl-C, a terminal that was closed, and whoever looks after us.
ASKED_TO_END = {signal.SIGINT, signal.SIGHUP, signal.SIGTERM}
SIGNALS = ASKED_TO_END | {signal.SIGCHLD, signal.SIGALRM}

#: What shells add to the number of the signal that ended a process.
SIGNALLED = 128

#: Of the names before the lines, on a terminal: cyan, yellow, green.
COLOURS = (36, 33, 32)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of the processes. Its text outlives an `exec` of the parent: as an argument, it is the same member again."""

    name: str
    pid: int
    #: The file descriptor of what it writes.
    output: int

    def __str__(self) -> str:
        return f"{self.name}:{self.pid}:{self.output}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the member whose text it is."""
        name, pid, output = text.split(":")
        return cls(name=name, pid=int(pid), output=int(output))


def fork_each(commands: Mapping[str, Sequence[str]]) -> list[Member]:
    """Start each command, a module with its arguments, in a fork of this process.

    There may be no other thread and no open connection: neither survives a fork. The parent's part is to `attend`.
    """
    # In the parent they wait until `attend` asks for them, so that none comes too early.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    members: list[Member] = []
    for name, command in commands.items():
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            for output in (reading, *(member.output for member in members)):
                os.close(output)
            _become(command, writing)
        os.close(writing)
        members.append(Member(name=name, pid=pid, output=reading))
    for member in members:
        os.set_inheritable(member.output, True)
    return members


def attend(members: Sequence[Member]) -> int:
    """Pass on what they write until the last has ended; when one ends, so do the others.

    Returns the status of the first (128 and more for a signal, as shells say it), or 0 when somebody asked for the end.
    """
    for member in members:
        _say(f"{member.name} started (pid {member.pid})")
    relays = _relay_all(members)
    status = _await_end(members)
    for relay in relays:
        relay.join()
    return status


def _become(command: Sequence[str], output: int) -> NoReturn:
    """Go on as the command; it ends by SystemExit, as every program does."""
    os.setsid()  # A Ctrl-C at the terminal is for the parent, which ends us in order.
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    sys.argv[:] = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    sys.exit()


def _relay_all(members: Sequence[Member]) -> list[threading.Thread]:
    width = max(len(member.name) for member in members)
    relays = []
    for number, member in enumerate(members):
        start = f"{member.name:{width}} | "
        if sys.stdout.isatty():
            start = f"\033[{COLOURS[number % len(COLOURS)]}m{start}\033[0m"
        relays.append(threading.Thread(target=_relay, args=(member.output, start), name=f"output of {member.name}"))
        relays[-1].start()
    return relays


def _relay(output: int, start: str) -> None:
    with os.fdopen(output, "rb") as lines:
        for line in lines:
            _say(f"{start}{line.decode(errors='replace').rstrip()}")


def _say(line: str) -> None:
    try:
        sys.stdout.write(f"{line}\n")  # In one piece, so that no two lines mix.
        sys.stdout.flush()
    except OSError:
        # Nobody reads any more, as after `| head`, or when the terminal was closed: that asks for the end, and what is
        # left to say goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        os.kill(os.getpid(), signal.SIGTERM)


def _await_end(members: Sequence[Member]) -> int:
    """Wait until one has ended or somebody asks for the end, then end them all; return the status to end with."""
    running = {member.pid: member.name for member in members}
    outcome: int | None = None
    # `nohup` has us ignore a closed terminal; waiting for the signal would take note of it nevertheless.
    nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    awaited = SIGNALS - {signal.SIGHUP} if nohup else SIGNALS
    while running:
        number = signal.sigwait(awaited)
        ended = _reap(running)
        if number == signal.SIGALRM:
            for pid in running:
                os.killpg(pid, signal.SIGKILL)
        elif outcome is None and (ended or number in ASKED_TO_END):
            outcome = 0 if number in ASKED_TO_END else ended[0]
            for pid in running:
                os.kill(pid, signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_END)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return outcome or 0


def _reap(running: dict[int, str]) -> list[int]:
    """Take those that have ended out of `running`; return their statuses."""
    statuses = []
    for pid, name in list(running.items()):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            del running[pid]
            code = os.waitstatus_to_exitcode(status)
            statuses.append(code if code >= 0 else SIGNALLED - code)
            _say(f"{name} ended with status {statuses[-1]}")
    return statuses
