"""What is left when a soak is over: the rows here, the envelopes there, and what the clients were told."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Self

from flask import Flask
from sqlalchemy import func, inspect, select, table
from sqlalchemy.orm import Session, joinedload

from app.domain.ports import FileStorage
from app.models import HistoryEntry, ProviderEvent, SignatureRequest
from app.services.unit_of_work import reading
from tests.fakes.provider_control import ProviderControl
from tests.soak.ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Both sides at one moment."""

    #: By id.
    requests: dict[str, SignatureRequest]
    history: dict[str, list[HistoryEntry]]
    unapplied_events: int
    deliveries: int
    #: By the provider's id.
    envelopes: dict[str, dict[str, Any]]
    create_calls: dict[str, list[str]]
    ledger: Ledger
    storage: FileStorage

    @classmethod
    def gather(cls, app: Flask, *, provider: ProviderControl, ledger: Ledger, storage: FileStorage) -> Self:
        files = (joinedload(SignatureRequest.signed_file), joinedload(SignatureRequest.certificate_file))
        history = defaultdict(list)
        with app.app_context(), reading() as session:
            requests = {str(each.id): each for each in session.scalars(select(SignatureRequest).options(*files))}
            for entry in session.scalars(select(HistoryEntry).order_by(HistoryEntry.sequence)):
                history[str(entry.request_id)].append(entry)
            waiting = ProviderEvent.applied_at.is_(None)
            unapplied = session.scalar(select(func.count()).select_from(ProviderEvent).where(waiting))
            deliveries = _count_rows(session, "webhook_deliveries")
        state = provider.state()
        return cls(
            requests=requests,
            history=dict(history),
            unapplied_events=unapplied or 0,
            deliveries=deliveries,
            envelopes={each["id"]: each for each in state["envelopes"]},
            create_calls=state["create_calls"],
            ledger=ledger,
            storage=storage,
        )

    def envelopes_by(self, member: str) -> dict[str, list[dict[str, Any]]]:
        """Return the envelopes grouped: by `ref`, which is our request, or by `name`, which is a client's key."""
        groups = defaultdict(list)
        for envelope in self.envelopes.values():
            groups[envelope[member]].append(envelope)
        return groups


def _count_rows(session: Session, name: str) -> int:
    """Return how many rows a table has that not every version of the database has."""
    if not inspect(session.connection()).has_table(name):
        return 0
    return session.scalar(select(func.count()).select_from(table(name))) or 0
