"""What waits, and since when: for the operator's eye, and for gauges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.config import Settings
from app.domain import clock
from app.domain.lifecycle import OPEN, Status
from app.models import Project, ProviderEvent, SignatureRequest, WebhookDelivery
from app.services.archive import AWAITS_ARCHIVE
from app.services.attempts import JITTER
from app.services.doubt import in_flight_window

#: True of every request, and lets SQLite find the few of a status through the index that begins with the project.
IN_SOME_PROJECT = SignatureRequest.project_id.in_(select(Project.id))

#: To compare with, where SQLite would not use its index for "is not null".
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """Rows of one kind that wait. `patience` is how long waiting is normal; beyond it a person should look."""

    name: str
    count: int
    oldest: timedelta
    patience: timedelta
    advice: str

    @property
    def needs_a_person(self) -> bool:
        """Whether something waits for longer than is normal."""
        return self.count > 0 and self.oldest > self.patience


def measure(session: Session, settings: Settings) -> Sequence[Backlog]:
    """Return every kind of waiting, also where nothing waits."""
    schedule_patience = timedelta(seconds=(1 + JITTER) * sum(settings.webhook_retry_seconds)) + timedelta(hours=1)
    archive_patience = timedelta(seconds=settings.archive_deadline_seconds) + timedelta(minutes=10)
    doubt_patience = in_flight_window(settings) + timedelta(seconds=settings.provider_doubt_seconds + 600)
    return [
        _backlog(
            session,
            "requests in doubt",
            SignatureRequest.claimed_at,
            IN_SOME_PROJECT,
            SignatureRequest.status == Status.CREATING,
            patience=doubt_patience,
            advice="see that the signing service answers and that a worker runs; nothing is sent twice meanwhile",
        ),
        _backlog(
            session,
            "events not applied",
            ProviderEvent.received_at,
            ProviderEvent.applied_at.is_(None),
            patience=timedelta(hours=1),
            advice="see that a worker runs, and look for `provider events postponed` in its log",
        ),
        _backlog(
            session,
            "requests finished but not archived",
            SignatureRequest.finished_at,
            AWAITS_ARCHIVE,
            SignatureRequest.due_at > LONG_AGO,
            patience=archive_patience,
            advice="see that the signing service gives out the signed PDF, and look for `file not` in the worker's log",
        ),
        _backlog(
            session,
            "requests past their expiry",
            SignatureRequest.expires_at,
            IN_SOME_PROJECT,
            SignatureRequest.status.in_(OPEN),
            SignatureRequest.finished_at.is_(None),
            SignatureRequest.expires_at < clock.utcnow(),
            patience=timedelta(hours=1),
            advice="see that a worker runs, and look for `poll failed` in its log",
        ),
        _backlog(
            session,
            "webhooks due but not sent",
            WebhookDelivery.due_at,
            WebhookDelivery.due_at <= clock.utcnow(),
            patience=timedelta(minutes=10),
            advice="see that a worker runs and keeps up: receivers that hang keep its threads busy",
        ),
        _backlog(
            session,
            "deliveries not made",
            WebhookDelivery.created_at,
            WebhookDelivery.finished_at.is_(None),
            patience=schedule_patience,
            advice="see that a worker runs, and `countersign webhooks list` for receivers that fail",
        ),
    ]


def _backlog(
    session: Session,
    name: str,
    since: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    *conditions: ColumnElement[bool],
    patience: timedelta,
    advice: str,
) -> Backlog:
    count, oldest = session.execute(select(func.count(), func.min(since)).where(*conditions)).one()
    age = clock.utcnow() - oldest if oldest is not None else timedelta(0)
    return Backlog(name=name, count=count, oldest=max(age, timedelta(0)), patience=patience, advice=advice)
