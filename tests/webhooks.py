"""Builders for the tests of webhooks: subscriptions, deliveries as rows, and the subscription's own view of them."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import undefer

from app.api.deps import EXTENSION
from app.domain.events import Event
from app.models import WebhookAttempt, WebhookDelivery, WebhookSubscription
from app.services import webhooks
from app.services.unit_of_work import reading
from tests.callers import Caller
from tests.fakes.webhooks import FakeWebhookSender

URL = "https://receiver.example/hook"


def subscribe(app: Flask, api: Caller, *, url: str = URL, events: Sequence[str] = tuple(Event)) -> WebhookSubscription:
    """Subscribe a receiver to a project's events."""
    with app.app_context():
        return webhooks.create(project_id=api.project_id, url=url, events=events, deps=app.extensions[EXTENSION])


def subscription(app: Flask, subscription_id: UUID) -> WebhookSubscription:
    """Read a subscription again."""
    with app.app_context(), reading() as session:
        return session.get_one(WebhookSubscription, subscription_id)


def deliveries(app: Flask) -> Sequence[WebhookDelivery]:
    """Read every delivery with its body, in the order in which they were queued."""
    with app.app_context(), reading() as session:
        query = select(WebhookDelivery).options(undefer(WebhookDelivery.body))
        return session.scalars(query.order_by(WebhookDelivery.created_at, WebhookDelivery.id)).all()


def attempts(app: Flask) -> Sequence[WebhookAttempt]:
    """Read every attempt there is a record of, in order."""
    with app.app_context(), reading() as session:
        return session.scalars(select(WebhookAttempt).order_by(WebhookAttempt.at, WebhookAttempt.number)).all()


def told(sender: FakeWebhookSender) -> list[dict[str, Any]]:
    """Return what was told, parsed, in the order of the attempts."""
    return [json.loads(request.body) for request in sender.sent]
