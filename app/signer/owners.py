"""Names the process that holds a lease, so that another one on this machine can tell when it is dead."""

import os
import secrets
from functools import cache
from hashlib import sha256
from pathlib import Path

#: Of /proc/<pid>/stat after the command's closing parenthesis: when the process started, in ticks since the boot.
_START_TIME = 19
_PROCESSES = Path("/proc")


def new_owner() -> str:
    """Return a name that nobody else has: the place, the process, and a random part."""
    pid = os.getpid()
    return ".".join((_place(), str(pid), _started(pid) or "", secrets.token_hex(8)))


def is_dead(owner: str) -> bool:
    """Tell whether the process of that name has certainly ended.

    Of a process elsewhere (another machine, boot or container) nothing is known here, and nothing where there is no
    /proc: their leases run out by themselves.
    """
    place, _, rest = owner.partition(".")
    pid, _, rest = rest.partition(".")
    started = rest.partition(".")[0]
    if not place or place != _place() or not pid.isdigit() or not started:
        return False
    return _started(int(pid)) != started


@cache
def _place() -> str:
    """Return what two processes share that can see each other: the boot of a machine, and the space of process ids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    return sha256(f"{boot} {space}".encode()).hexdigest()[:16]


def _started(pid: int) -> str | None:
    """Return when the process started, which tells it from a later one of the same number; None when there is none."""
    try:
        stat = (_PROCESSES / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie has ended, although nobody has asked for its exit status yet.
    return None if fields[0] == "Z" else fields[_START_TIME]
