"""Numbers of the database for whoever watches this installation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.lifecycle import Status
from app.models import SignatureRequest
from app.services import backlog, webhooks
from app.services.backlog import Backlog
from app.services.unit_of_work import reading

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """What is there, and what waits."""

    #: Of every status, also those that no request has.
    requests: Mapping[str, int]
    backlogs: Sequence[Backlog]
    #: Webhooks that we switched off because their receivers failed.
    webhooks_switched_off: int


def read(settings: Settings) -> Gauges | None:
    """Return the numbers; None, with a line in the log, while the database cannot be read."""
    try:
        with reading() as session:
            requests = _count_requests(session)
            backlogs = backlog.measure(session, settings)
        return Gauges(requests=requests, backlogs=backlogs, webhooks_switched_off=webhooks.count_switched_off())
    except SQLAlchemyError:
        log.exception("gauges not read")
        return None


def _count_requests(session: Session) -> Mapping[str, int]:
    """Count by project too: in the order of the index, and from the index alone."""
    counts = dict.fromkeys((status.value for status in Status), 0)
    rows = session.execute(
        select(SignatureRequest.status, func.count()).group_by(SignatureRequest.project_id, SignatureRequest.status)
    )
    for status, count in rows:
        counts[status] += count
    return counts
