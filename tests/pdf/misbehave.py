"""What a hostile document might make the child do. Only ever run in a child process."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from app.domain.errors import UnreadablePdf


def echo(**arguments: Any) -> dict[str, Any]:
    return arguments


def pid() -> int:
    return os.getpid()


def environment() -> dict[str, str]:
    return dict(os.environ)


def open_descriptors() -> list[str]:
    names = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    return [target(name) for name in names if is_open(name)]


def is_open(descriptor: int) -> bool:
    """Leave out the standard streams, and the descriptor that listed the others and is closed by now."""
    return descriptor > 2 and Path(f"/proc/self/fd/{descriptor}").is_symlink()


def target(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def abort() -> None:
    os.abort()


def leave() -> None:
    os._exit(0)


def sleep_for_ever() -> None:
    while True:
        time.sleep(3600)


def burn() -> None:
    while True:
        pass


def eat_memory() -> int:
    hoard = [bytes(64 * 1024 * 1024) for _ in range(1000)]
    return len(hoard)


def recurse() -> None:
    recurse()


def refuse() -> None:
    raise UnreadablePdf("The PDF has no page.")


def fail() -> None:
    raise LookupError("Jane Doe, 1 Main Street")


def answer_with_an_object() -> object:
    return object()


def shout() -> str:
    print("noise", flush=True)
    os.write(1, b"more noise")
    sys.stdin.read()
    return "heard"


def answer_rubbish() -> None:
    """Write a frame header that promises four gigabytes to every socket of this process."""
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if is_open(descriptor) and target(descriptor).startswith("socket:"):
            os.write(descriptor, b"\xff" * 64)


def _private() -> None:
    pass
