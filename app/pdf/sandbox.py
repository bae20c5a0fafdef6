"""Runs PDF code in a child process with limits, so that no document can hurt the calling process.

PDFium aborts the whole process on some two-kilobyte files and is not thread-safe, hence a process and not a thread.
"""

import os
import socket
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any, Self

import structlog

from app.domain import clock, turns
from app.domain.errors import UnreadablePdf
from app.pdf import wire

log = structlog.get_logger(__name__)

_MIB = 1024 * 1024
_PROJECT = Path(__file__).resolve().parents[2]
#: All that a child needs of our environment; anything else may be a secret.
_PASSED_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
#: Normally 60 ms; this only has to tell a slow machine from a broken installation.
_START_SECONDS = 30.0
#: Libraries leak and fragment; a fresh child now and then is cheaper than finding out.
_JOBS_PER_CHILD = 200
_BEYOND_LIMITS = "The PDF could not be processed within the limits of this server."


class SandboxError(RuntimeError):
    """Our own fault: the child could not be started, or the code in it has a bug. The log knows more."""


class SandboxBug(SandboxError):
    """The code in the child has a bug, which this document met. The log knows where."""


class _ChildGone(Exception):
    """The child ended, or its time was up, before it answered. `was_idle`: it never read the request."""

    def __init__(self, reason: str, *, was_idle: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_idle = was_idle


class Sandbox:
    """A warm child process, started on the first call and again after every failure.

    Safe to share between threads: one call runs at a time, the others wait. After a fork each process has its own
    child. The child ends by itself when it is idle or when this process has gone.
    """

    def __init__(
        self,
        *,
        memory_bytes: int = 1024 * _MIB,
        cpu_seconds: int = 20,
        wall_seconds: float = 30,
        idle_seconds: float = 60,
        passed_variables: tuple[str, ...] = (),
    ) -> None:
        """Set the limits: address space of the child; CPU and wall-clock seconds of one call; seconds until it ends.

        Of our environment the child gets `passed_variables` and what Python needs.
        """
        self._passed_variables = passed_variables
        self._limits = (str(memory_bytes), str(cpu_seconds), str(idle_seconds))
        self._wall_seconds = wall_seconds
        self._lock = threading.Lock()
        self._child: _Child | None = None
        _sandboxes.add(self)

    def call(self, target: str, /, **arguments: Any) -> Any:
        """Run `package.module:function` in the child with JSON types and bytes, and return its result.

        Raises UnreadablePdf when the function says so or when the document broke a limit (or the child), and
        SandboxError when the fault is ours.
        """
        request = wire.encode({"target": target, "arguments": arguments})
        with turns.given_up(), self._lock:
            try:
                answer = self._exchange(request)
            except _ChildGone as gone:
                log.warning("pdf.sandbox.child_lost", target=target, reason=gone.reason)
                raise UnreadablePdf(_BEYOND_LIMITS) from gone
            if "result" not in answer:
                self._end()
        return _result(target, answer)

    def close(self) -> None:
        """End the child; a later call starts another."""
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(self, request: list[bytes]) -> Any:
        """Send the request to the child and return its answer."""
        try:
            return self._ask_once(request)
        except _ChildGone as gone:
            if not gone.was_idle:
                raise
        return self._ask_once(request)

    def _ask_once(self, request: list[bytes]) -> Any:
        child = self._child = self._child or _Child(self, self._limits, _environment(self._passed_variables))
        try:
            answer = child.ask(request, seconds=self._wall_seconds)
        except BaseException:
            self._end()
            raise
        if child.jobs >= _JOBS_PER_CHILD:
            self._end()
        return answer

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def abandon(self) -> None:
        """Forget the child without a word to it: after a fork it belongs to the other process."""
        # Another thread may have held the lock at the moment of the fork, and it does not exist here.
        self._lock = threading.Lock()
        child, self._child = self._child, None
        if child is not None:
            child.abandon()


class _Child:
    """One child process and the connection to it."""

    def __init__(self, owner: Sandbox, limits: tuple[str, ...], environment: dict[str, str]) -> None:
        """Start it and wait until it is ready; SandboxError when that fails. It ends with its owner at the latest."""
        self.jobs = 0
        self._connection, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "app.pdf.child", *limits]
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=environment,
                    cwd="/",
                    # A signal to our process group must not make a good document look bad; the child ends with us.
                    start_new_session=True,
                )
            except OSError as error:
                self._connection.close()
                log.exception("pdf.sandbox.start_failed")
                raise SandboxError("The PDF process could not be started.") from error
        self._finalizer = weakref.finalize(owner, _end, self._process, self._connection)
        self._await_ready()

    def _await_ready(self) -> None:
        try:
            greeting = self._receive(clock.monotonic() + _START_SECONDS)
        except _ChildGone as gone:
            self.end()
            log.error("pdf.sandbox.start_failed", reason=gone.reason)  # noqa: TRY400 (the reason says it all)
            raise SandboxError("The PDF process could not be started.") from gone
        if greeting != wire.READY:
            self.end()
            raise SandboxError("The PDF process did not start as expected.")

    def ask(self, request: list[bytes], *, seconds: float) -> Any:
        """Send a request and return the answer; _ChildGone when there is none in time."""
        deadline = clock.monotonic() + seconds
        self.jobs += 1
        try:
            for part in request:
                self._connection.settimeout(_remaining(deadline))
                self._connection.sendall(part)
        except TimeoutError as error:
            raise _ChildGone("timeout") from error
        except OSError as error:
            raise self._gone() from error
        answer = self._receive(deadline)
        if not isinstance(answer, dict):
            raise _ChildGone("malformed")
        return answer

    def end(self) -> None:
        """Kill and reap it."""
        self._finalizer()

    def abandon(self) -> None:
        """Let go of it; it is the child of another process."""
        self._finalizer.detach()
        self._connection.close()
        self._process.returncode = 0  # Not ours to wait for: it keeps Popen from looking for it.

    def _receive(self, deadline: float) -> Any:
        try:
            return wire.decode(lambda size: self._read(size, deadline))
        except wire.MalformedFrame as error:
            raise _ChildGone("malformed") from error
        except TimeoutError as error:
            raise _ChildGone("timeout") from error
        except OSError as error:
            raise self._gone() from error

    def _read(self, size: int, deadline: float) -> bytes:
        buffer = bytearray(size)
        view = memoryview(buffer)
        while view:
            self._connection.settimeout(_remaining(deadline))
            count = self._connection.recv_into(view)
            if count == 0:
                raise ConnectionResetError
            view = view[count:]
        return bytes(buffer)

    def _gone(self) -> _ChildGone:
        """Say how the child ended, which it has or is about to."""
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return _ChildGone("hung up")
        return _ChildGone(f"exit status {status}", was_idle=status == wire.IDLE_EXIT)


def _end(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
    connection.close()
    process.kill()
    process.wait()


def _environment(names: tuple[str, ...]) -> dict[str, str]:
    """Return the child's environment: where to find our modules, what it is named beside, and no secret of ours."""
    passed = {name: os.environ[name] for name in (*_PASSED_VARIABLES, *names) if name in os.environ}
    paths = [str(_PROJECT), *filter(None, [passed.get("PYTHONPATH")])]
    return passed | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


def _remaining(deadline: float) -> float:
    """Return the seconds left; TimeoutError when there are none (a time-out of 0 would mean non-blocking)."""
    left = deadline - clock.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _result(target: str, answer: dict[str, Any]) -> Any:
    """Return what the function returned, or raise what it raised in our words."""
    if "result" in answer:
        return answer["result"]
    if "unreadable" in answer:
        raise UnreadablePdf(str(answer["unreadable"]))
    if "exhausted" in answer:
        raise UnreadablePdf(_BEYOND_LIMITS)
    log.error("pdf.sandbox.bug", target=target, error=answer.get("bug"), traceback=answer.get("traceback"))
    raise SandboxBug(f"The PDF code failed: {answer.get('bug')}.")


#: Every living sandbox, for the hook below.
_sandboxes: weakref.WeakSet[Sandbox] = weakref.WeakSet()


def _abandon_inherited() -> None:
    for sandbox in list(_sandboxes):
        sandbox.abandon()


os.register_at_fork(after_in_child=_abandon_inherited)
