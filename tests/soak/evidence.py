"""What is left when a soak is over: the rows here, the envelopes there, and what the clients were told."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Self

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.domain.ports import FileStorage
from app.models import HistoryEntry, ProviderEvent, SignatureRequest, WebhookDelivery
from app.services.unit_of_work import reading
from tests.fakes.provider_control import ProviderControl
from tests.soak.ledger import Ledger
from tests.soak.receiver import Receiver


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Both sides at one moment."""

    #: By our id.
    requests: dict[str, SignatureRequest]
    history: dict[str, list[HistoryEntry]]
    unapplied_events: int
    deliveries: dict[str, list[WebhookDelivery]]
    #: By the provider's id.
    envelopes: dict[str, dict[str, Any]]
    create_calls: dict[str, list[str]]
    ledger: Ledger
    receiver: Receiver
    storage: FileStorage

    @classmethod
    def gather(
        cls, app: Flask, *, provider: ProviderControl, ledger: Ledger, receiver: Receiver, storage: FileStorage
    ) -> Self:
        files = (joinedload(SignatureRequest.signed_file), joinedload(SignatureRequest.certificate_file))
        history, deliveries = defaultdict(list), defaultdict(list)
        with app.app_context(), reading() as session:
            requests = {str(each.id): each for each in session.scalars(select(SignatureRequest).options(*files))}
            for entry in session.scalars(select(HistoryEntry).order_by(HistoryEntry.sequence)):
                history[str(entry.request_id)].append(entry)
            waiting = ProviderEvent.applied_at.is_(None)
            unapplied = session.scalar(select(func.count()).select_from(ProviderEvent).where(waiting))
            for delivery in session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.sequence)):
                deliveries[str(delivery.request_id)].append(delivery)
        state = provider.state()
        return cls(
            requests=requests,
            history=dict(history),
            unapplied_events=unapplied or 0,
            deliveries=dict(deliveries),
            envelopes={each["id"]: each for each in state["envelopes"]},
            create_calls=state["create_calls"],
            ledger=ledger,
            receiver=receiver,
            storage=storage,
        )

    def envelopes_by(self, member: str) -> dict[str, list[dict[str, Any]]]:
        """Return the envelopes grouped: by `ref`, which is our request, or by `name`, which is a client's key."""
        groups = defaultdict(list)
        for envelope in self.envelopes.values():
            groups[envelope[member]].append(envelope)
        return groups
