"""The child process of a sandbox: runs one job after the other under limits. Started as `python -m app.pdf.child`.

The connection arrives as file descriptor 0. Whatever goes wrong in a job, the child reports it if it still can; the
parent then ends it.
"""

import importlib
import logging
import math
import os
import resource
import select
import socket
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from app.domain.errors import UnreadablePdf
from app.pdf import wire


def main(memory_bytes: int, cpu_seconds: int, idle_seconds: float) -> NoReturn:
    """Serve jobs until the parent hangs up or `idle_seconds` pass without one."""
    connection = _take_connection()
    # A library's complaint may quote the document, which must not get into a log.
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    _send(connection, wire.encode(wire.READY))
    while True:
        readable, _, _ = select.select([connection], [], [], idle_seconds)
        if not readable:
            sys.exit(wire.IDLE_EXIT)
        job = wire.decode(lambda size: _receive(connection, size))
        _allow_cpu(cpu_seconds)
        _send(connection, _run(job["target"], job["arguments"]))


def _take_connection() -> socket.socket:
    """Move the connection away from the standard streams, which libraries may read or write."""
    connection = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return connection


def _allow_cpu(seconds: int) -> None:
    """Let this process use so many more seconds of CPU; the kernel kills it (SIGXCPU) beyond."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(usage.ru_utime + usage.ru_stime) + seconds, hard))


def _run(target: str, arguments: dict[str, Any]) -> list[bytes]:
    """Run the function and return the frame that answers the parent."""
    try:
        return wire.encode({"result": _resolve(target)(**arguments)})
    except UnreadablePdf as refusal:
        return wire.encode({"unreadable": refusal.message})
    except (MemoryError, RecursionError):
        return wire.encode({"exhausted": True})
    except Exception as error:  # noqa: BLE001 (whatever it is, the parent must learn of it)
        # The message may quote the document; the type and the place cannot.
        place = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        return wire.encode({"bug": type(error).__name__, "traceback": place})


def _resolve(target: str) -> Callable[..., Any]:
    """Return the public function that `package.module:function` names, importing its module on first use."""
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    if name.startswith("_") or not callable(function):
        raise TypeError("The target is not a public function.")
    return function  # type: ignore[no-any-return]  # getattr knows no types


def _send(connection: socket.socket, parts: list[bytes]) -> None:
    for part in parts:
        connection.sendall(part)


def _receive(connection: socket.socket, size: int) -> bytes:
    """Read exactly `size` bytes; the parent having gone is the ordinary end of this process."""
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            sys.exit(0)
        view = view[count:]
    return bytes(buffer)


if __name__ == "__main__":
    main(memory_bytes=int(sys.argv[1]), cpu_seconds=int(sys.argv[2]), idle_seconds=float(sys.argv[3]))
