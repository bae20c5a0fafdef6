"""Claiming due rows so that each has one worker at a time, on SQLite and PostgreSQL alike."""

from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session
from structlog.contextvars import bind_contextvars

from app.domain import clock
from app.domain.ids import new_id
from app.models.columns import Leased
from app.services.unit_of_work import reading, unit_of_work

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A row that this worker has for itself until its lease ends. `attempts` counts this claim."""

    row_id: UUID
    token: UUID
    attempts: int


def claim_due(model: type[Leased], *conditions: ColumnElement[bool], limit: int, lease: timedelta) -> Sequence[Claim]:
    """Claim due rows in a step of its own."""
    if not any_due(model, *conditions):
        return []
    with unit_of_work() as session:
        return claim(session, model, *conditions, limit=limit, lease=lease)


def any_due(model: type[Leased], *conditions: ColumnElement[bool]) -> bool:
    """Look, without waiting for SQLite's one writer, whether there is anything to claim: mostly there is not."""
    with reading() as session:
        return session.scalar(_due(model, *conditions).limit(1)) is not None


def claim(
    session: Session, model: type[Leased], *conditions: ColumnElement[bool], limit: int, lease: timedelta
) -> Sequence[Claim]:
    """Claim up to `limit` due rows, the longest due first, in one statement."""
    return take(session, model, _due(model, *conditions).limit(limit), lease=lease)


def _due(model: type[Leased], *conditions: ColumnElement[bool]) -> Select[UUID]:
    now = clock.utcnow()
    table = model.__table__  # type: ignore[attr-defined]
    due: Select[UUID] = (
        select(table.c.id)
        .where(*conditions, table.c.due_at <= now, is_free(model, now))
        .order_by(table.c.due_at, table.c.id)
    )
    return due


def is_free(model: type[Leased], now: datetime) -> ColumnElement[bool]:
    """Return the condition that nobody has the row."""
    return or_(model.lease_until.is_(None), model.lease_until <= now)


def take(session: Session, model: type[Leased], due: Select[UUID], *, lease: timedelta) -> Sequence[Claim]:
    """Claim the rows that a select finds, in one statement.

    The attempt is counted at the claim, so that a row that kills its worker cannot do so for ever unnoticed.
    """
    now = clock.utcnow()
    token = new_id()
    table = model.__table__  # type: ignore[attr-defined]
    # PostgreSQL skips what another worker is claiming; SQLite has one writer anyway and ignores this.
    due = due.with_for_update(of=table, skip_locked=True)
    claimed = session.execute(
        update(table)
        .where(table.c.id.in_(due.scalar_subquery()))
        .values(lease_until=now + lease, lease_token=token, attempts=table.c.attempts + 1)
        .returning(table.c.id, table.c.attempts)
    )
    return [Claim(row_id=row_id, token=token, attempts=attempts) for row_id, attempts in claimed]


def attend_each(claims: Iterable[Claim], attend: Callable[[Claim], None]) -> None:
    """Attend to each claimed row. One that fails is logged and keeps its lease, so that it stops no other.

    Each is a job with an id of its own, in its log lines and towards the signing service.
    """
    for held in claims:
        # What a job binds to its log lines is gone with its context, and not found on the next one's.
        copy_context().run(_attend_to, held, attend)


def _attend_to(held: Claim, attend: Callable[[Claim], None]) -> None:
    bind_contextvars(request_id=str(new_id()))
    started = clock.monotonic()
    try:
        attend(held)
    except Exception:  # Whatever is wrong with this row: it would be first in every batch, and starve the rest.
        log.exception("row not attended to", row_id=str(held.row_id), attempts=held.attempts)
    else:
        log.info("job done", attempts=held.attempts, duration_ms=clock.milliseconds_since(started))


def holds(row: Leased, held: Claim) -> bool:
    """Say whether the claim still is the row's: a slow worker whose lease was taken over must not finish it."""
    return row.lease_token == held.token


def hand_over(row: Leased) -> None:
    """Make the row due now for the next queue, with a fresh count of attempts; a claim that is held ends."""
    release(row, after=timedelta(0))
    row.attempts = 0


def release(row: Leased, *, after: timedelta | None) -> None:
    """Give the row back: due again after that time, or never. Never also starts the count of attempts anew."""
    row.lease_until = None
    row.lease_token = None
    row.due_at = None if after is None else clock.utcnow() + after
    if after is None:
        row.attempts = 0
