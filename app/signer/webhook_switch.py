"""Switches the webhook off after too many failures in a row (provider fact sheet, sections 13.4 and 13.5).

The one row behind it is shared by all processes; each start of the service switches the webhook on again.
"""

import structlog
from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain import clock
from app.signer.database import Database
from app.signer.models import Webhook

log = structlog.get_logger(__name__)

#: The id of the only row.
ONLY = 1

_IS_OFF = exists(select(Webhook.id).where(Webhook.disabled_at.is_not(None)))


class WebhookSwitch:
    """Whether events are told: off after `disable_after` of them in a row failed for good; 0 is never.

    What counts takes the session of the transaction that settles the event, so that no count is lost or made twice.
    """

    def __init__(self, *, disable_after: int) -> None:
        self._disable_after = disable_after

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what must be true for an event to be told."""
        return [~_IS_OFF] if self._disable_after else []

    def is_off(self, session: Session) -> bool:
        """Tell whether events are dropped."""
        return bool(self._disable_after and session.scalar(select(_IS_OFF)))

    def count_success(self, session: Session) -> None:
        """Begin the count anew; a webhook that is off stays so."""
        if self._disable_after:
            failing = (Webhook.consecutive_failures > 0, Webhook.disabled_at.is_(None))
            session.execute(update(Webhook).where(*failing).values(consecutive_failures=0))

    def count_failure(self, session: Session) -> None:
        """Count one event that failed for good, and switch the webhook off if it was one too many."""
        if not self._disable_after:
            return
        is_on = Webhook.disabled_at.is_(None)
        failures = session.scalar(
            update(Webhook)
            .where(is_on)
            .values(consecutive_failures=Webhook.consecutive_failures + 1)
            .returning(Webhook.consecutive_failures)
        )
        if failures is not None and failures >= self._disable_after:
            session.execute(update(Webhook).where(is_on).values(disabled_at=clock.utcnow()))
            log.warning("signer.webhook.switched_off", failures=failures)


def switch_on(database: Database) -> None:
    """Let events be told again after a start; what was counted of a webhook that is on is kept."""
    with database.reading() as session:
        webhook = session.get(Webhook, ONLY)
    try:
        with database.unit_of_work() as session:
            if webhook is None:
                session.add(Webhook(id=ONLY, consecutive_failures=0))
            elif webhook.disabled_at is not None:
                is_off = Webhook.disabled_at.is_not(None)
                session.execute(update(Webhook).where(is_off).values(consecutive_failures=0, disabled_at=None))
    except IntegrityError:
        pass  # Another process was faster.
