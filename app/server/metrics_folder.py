"""The folder in which gunicorn's processes count together, and the folders that killed ones have left.

A folder belongs to whoever holds the lock of the file in it: the master, which took it, and its workers, which inherit
it. The kernel gives the lock back when the last of them is gone, however it went.
"""

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path

PREFIX = "countersign-metrics-"
LOCK = "lock"


def new_name() -> Path:
    """Return where a folder can be made: a name that nobody has had, among the machine's temporary files."""
    return Path(tempfile.gettempdir()) / f"{PREFIX}{secrets.token_hex(16)}"


def make(folder: Path) -> int:
    """Make a folder that nobody else can read or write, and return its lock: a descriptor, to be left open."""
    unlocked = folder.with_name(f".{folder.name}")  # Under its name it would look like one that was left.
    unlocked.mkdir(mode=0o700)
    lock = os.open(unlocked / LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    unlocked.rename(folder)
    return lock


def remove_left(place: Path) -> None:
    """Remove the folders in `place` that processes of this user have left there."""
    for folder in place.glob(f"{PREFIX}*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)  # Somebody else who starts may be removing it, too.


def _is_left(folder: Path) -> bool:
    try:
        status = folder.lstat()
        if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
            return False
        lock = os.open(folder / LOCK, os.O_WRONLY)
    except FileNotFoundError:
        return True  # Somebody has begun to remove it.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
