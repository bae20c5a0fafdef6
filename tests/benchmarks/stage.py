"""What the figures about webhooks are measured on: an installation with a receiver, and events that wait."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import insert

from app.api.deps import EXTENSION
from app.config import Settings
from app.domain import clock
from app.domain.events import Event
from app.domain.ids import new_id
from app.domain.lifecycle import Status
from app.extensions import db
from app.factory import create_app
from app.models import DeliveryStatus, SignatureRequest, WebhookDelivery, WebhookSubscription
from app.services import events, projects, renders, webhooks
from app.services.dependencies import Dependencies
from app.services.unit_of_work import unit_of_work
from tests import databases
from tests.benchmarks import receiver


def _moments() -> Iterator[datetime]:
    """Yield times that are past and all different."""
    start = clock.utcnow() - timedelta(hours=1)
    return (start + number * clock.ONE_MILLISECOND for number in count())


@dataclass(kw_only=True)
class Stage:
    """An installation with one project; `receiver_url` is where a healthy receiver listens."""

    app: Flask
    receiver_url: str
    project_id: UUID
    render_id: UUID
    _past: Iterator[datetime] = field(default_factory=_moments)

    @property
    def deps(self) -> Dependencies:
        """What the use cases get from the app: the real sender, above all."""
        return self.app.extensions[EXTENSION]

    def subscribe(self, url: str) -> WebhookSubscription:
        """Subscribe a receiver to everything."""
        return webhooks.create(project_id=self.project_id, url=url, events=tuple(Event), deps=self.deps)

    def let_wait(self, subscriptions: Sequence[WebhookSubscription], *, requests: int) -> list[bytes]:
        """Store one event of each of so many requests, due at every subscription; return the bodies."""
        moments = list(islice(self._past, requests))
        stored = [self._request(moment) for moment in moments]
        deliveries = [
            {
                "subscription_id": subscription.id,
                "request_id": request["id"],
                "sequence": 1,
                "event": Event.CANCELLED,
                "body": events.describe(
                    Event.CANCELLED, SignatureRequest(**request), recipient=None, reason="No longer needed"
                ),
                "status": DeliveryStatus.PENDING,
                "due_at": moment,
                "created_at": moment,
            }
            for request, moment in zip(stored, moments, strict=True)
            for subscription in subscriptions
        ]
        with unit_of_work() as session:
            session.execute(insert(SignatureRequest), stored)
            session.execute(insert(WebhookDelivery), deliveries)
        return [delivery["body"] for delivery in deliveries]

    def _request(self, moment: datetime) -> dict[str, Any]:
        return {
            "id": new_id(),
            "project_id": self.project_id,
            "render_id": self.render_id,
            "name": "Contract",
            "status": Status.CANCELLED,
            "expiration_hours": 168,
            "claimed_at": moment,
            "created_at": moment,
        }


@contextmanager
def stage(**settings: Any) -> Iterator[Stage]:
    """Yield an installation on a fresh database, within its app context; its log goes to a file, as in production."""
    with TemporaryDirectory(prefix="countersign-bench-") as name, receiver.running() as receiver_url:
        folder = Path(name)
        with (folder / "worker.log").open("w") as log_file, redirect_stderr(log_file):
            template = databases.template(folder)
            with template.copy(folder) as database_url:
                app = create_app(
                    Settings(
                        database_url=database_url,
                        storage_url=f"file:{folder / 'storage'}",
                        webhook_allow_insecure=True,
                        **settings,
                    )
                )
                with app.app_context():
                    project_id = projects.create("Benchmark").id
                    render, _ = renders.reserve(project_id=project_id, idempotency_key=None)
                    yield Stage(app=app, receiver_url=receiver_url, project_id=project_id, render_id=render.id)
                    db.engine.dispose()
            template.drop()
