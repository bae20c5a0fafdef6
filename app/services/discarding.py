"""Files that nothing refers to any more: given up in the transaction that took the reference, removed after it.

So no row ever points to a file that is gone, and a crash between the two leaves no file behind: the worker removes it.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.domain import backoff, clock
from app.domain.ports import FileStorage
from app.models import DiscardedFile
from app.services import leases
from app.services.dependencies import Dependencies
from app.services.leases import Claim
from app.services.unit_of_work import reading, unit_of_work

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=3)
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)


def give_up(session: Session, keys: Iterable[str]) -> None:
    """Have these files removed once the transaction is committed. Their keys are never used for another content."""
    now = clock.utcnow()
    session.add_all(DiscardedFile(key=key, discarded_at=now, due_at=now) for key in keys)


def run_once(*, limit: int, deps: Dependencies) -> int:
    """Remove files that were given up; return how many were attended to."""
    claims = leases.claim_due(DiscardedFile, limit=limit, lease=LEASE)
    leases.attend_each(claims, partial(_remove, storage=deps.storage))
    return len(claims)


def count_waiting() -> int:
    """Return how many files are still to be removed."""
    with reading() as session:
        return session.scalar(select(func.count()).select_from(DiscardedFile)) or 0


def _remove(held: Claim, *, storage: FileStorage) -> None:
    with reading() as session:
        key = session.get_one(DiscardedFile, held.row_id).key
    try:
        storage.delete(key)
    except OSError as error:
        log.exception("file not removed", errno=error.errno, attempts=held.attempts)
        with unit_of_work() as session:
            row = session.get_one(DiscardedFile, held.row_id)
            wait = backoff.exponential(held.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
            if leases.holds(row, held):
                leases.release(row, after=wait)
        return
    with unit_of_work() as session:
        session.execute(delete(DiscardedFile).where(DiscardedFile.id == held.row_id))
