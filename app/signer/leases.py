"""Background work that several processes share: rows are claimed by a lease, so that a crash strands none of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any, ClassVar

import structlog
from sqlalchemy import ColumnElement, Update, exists, or_, select, update
from sqlalchemy.orm import Session
from structlog.contextvars import bind_contextvars

from app.domain import clock
from app.domain.ids import new_id
from app.signer.database import Database
from app.signer.models import Envelope, Mail, OutgoingEvent
from app.signer.owners import is_dead, new_owner

log = structlog.get_logger(__name__)

#: How much of an error is kept beside the row.
MAX_ERROR = 500
#: How often it is looked whether somebody who holds a lease has died.
LOOK_FOR_DEAD_SECONDS = 5
#: A row that was tried as often, and whose process died each time, may be the reason: it waits for its lease.
SUSPICIOUS_ATTEMPTS = 5

LeasedRow = type[Envelope] | type[Mail] | type[OutgoingEvent]


class TryAgain(Exception):
    """This attempt failed; another one may not. The message is kept, so it holds nothing personal."""


class GiveUp(Exception):
    """No attempt will ever succeed. The message is kept, so it holds nothing personal."""


class LeasedQueue(ABC):
    """Rows of one table that wait for something to be done about them, each once.

    `attempts` is raised at the claim, so a row that kills its process cannot be tried at once for ever.
    """

    #: What is claimed.
    model: ClassVar[LeasedRow]
    #: For the log.
    name: ClassVar[str]
    #: Longer than any attempt takes; after it another process may take over.
    lease: ClassVar[timedelta]
    #: How many rows one claim takes; they are worked on one after the other, so the lease must last for all.
    batch: ClassVar[int] = 1

    def __init__(self, database: Database) -> None:
        self.database = database
        self._next_look_for_dead = 0.0

    def run_pending(self) -> int:
        """Claim what is due and work on it; return how many rows that were."""
        if clock.monotonic() >= self._next_look_for_dead:
            self._inherit()
            self._next_look_for_dead = clock.monotonic() + LOOK_FOR_DEAD_SECONDS
        owner = new_owner()
        row_ids = self._claim(owner)
        for row_id in row_ids:
            # What a job binds to its log lines is gone with its context, and not found on the next one's.
            copy_context().run(self._attempt, row_id, owner)
        return len(row_ids)

    @abstractmethod
    def work(self, row_id: Any, owner: str) -> None:
        """Do what the row asks for and call `settle`, or raise TryAgain or GiveUp. No transaction is open."""

    @abstractmethod
    def wait_after(self, attempts: int) -> timedelta | None:
        """Return how long to wait after that many attempts, or None to give up."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what else must be true of a row."""
        return []

    def abandon(self, row_id: Any, owner: str, error: str) -> None:
        """Give the row back for good; nobody will try again."""
        self.settle(row_id, owner, last_error=error)

    def owned(self, row_id: Any, owner: str) -> Update:
        """Return an UPDATE of the row that does nothing once somebody else has taken it over."""
        return update(self.model).where(self.model.id == row_id, self.model.lease_owner == owner)

    def settle(
        self,
        row_id: Any,
        owner: str,
        *,
        next_attempt_at: datetime | None = None,
        also: Callable[[Session], object] | None = None,
        **values: Any,
    ) -> None:
        """Give the row back, and do what is `also` to be done in the same transaction; nothing if it is not ours."""
        statement = self.owned(row_id, owner).values(
            lease_owner=None, lease_until=None, next_attempt_at=next_attempt_at, **values
        )
        with self.database.unit_of_work() as session:
            is_ours = session.scalar(statement.returning(self.model.id)) is not None
            if is_ours and also is not None:
                also(session)

    def _inherit(self) -> None:
        """Give back what a process of this machine held when it died, so that nobody waits for its leases."""
        model = self.model
        held = select(model.id, model.lease_owner).where(
            model.next_attempt_at.is_not(None),
            model.lease_until >= clock.utcnow(),
            model.attempts < SUSPICIOUS_ATTEMPTS,
            *self.conditions(),
        )
        with self.database.reading() as session:
            left = [(row_id, owner) for row_id, owner in session.execute(held) if owner and is_dead(owner)]
        for row_id, owner in left:
            with self.database.unit_of_work() as session:
                session.execute(self.owned(row_id, owner).values(lease_owner=None, lease_until=None))
            log.warning("signer.queue.inherited", queue=self.name, row=str(row_id))

    def _claim(self, owner: str) -> list[Any]:
        now = clock.utcnow()
        model = self.model
        is_due = (
            model.next_attempt_at <= now,
            or_(model.lease_until.is_(None), model.lease_until < now),
            *self.conditions(),
        )
        # Mostly nothing is due, and a look must not wait for the one writer of SQLite.
        with self.database.reading() as session:
            if not session.scalar(select(exists().where(*is_due))):
                return []
        due = (
            select(model.id)
            .where(*is_due)
            .order_by(model.next_attempt_at)
            .limit(self.batch)
            .with_for_update(skip_locked=True)
        )
        claim = (
            update(model)
            .where(model.id.in_(due.scalar_subquery()))
            .values(lease_owner=owner, lease_until=now + self.lease, attempts=model.attempts + 1)
            .returning(model.id)
        )
        with self.database.unit_of_work() as session:
            return list(session.scalars(claim))

    def _attempt(self, row_id: Any, owner: str) -> None:
        bind_contextvars(request_id=str(new_id()), queue=self.name, row=str(row_id))
        started = clock.monotonic()
        try:
            self.work(row_id, owner)
            log.info("signer.queue.done", duration_ms=clock.milliseconds_since(started))
        except GiveUp as error:
            log.warning("signer.queue.gave_up", error=str(error))
            self.abandon(row_id, owner, str(error)[:MAX_ERROR])
        except TryAgain as error:
            log.warning("signer.queue.failed", error=str(error))
            self._postpone(row_id, owner, str(error))
        except Exception as error:  # A bug in one row must not stop the others.
            log.exception("signer.queue.bug")
            self._postpone(row_id, owner, type(error).__name__)

    def _postpone(self, row_id: Any, owner: str, error: str) -> None:
        with self.database.reading() as session:
            attempts = session.scalar(select(self.model.attempts).where(self.model.id == row_id)) or 1
        wait = self.wait_after(attempts)
        kept = error[:MAX_ERROR]
        if wait is None:
            self.abandon(row_id, owner, kept)
        else:
            self.settle(row_id, owner, next_attempt_at=clock.utcnow() + wait, last_error=kept)
