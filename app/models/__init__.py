"""The tables of the API and the worker, one file each."""

from app.models.api_key import ApiKey
from app.models.discarded_file import DiscardedFile
from app.models.history import HistoryEntry
from app.models.idempotency_key import IdempotencyKey
from app.models.project import Project
from app.models.provider_event import ProviderEvent
from app.models.recipient import Recipient
from app.models.render import Render, RenderStatus
from app.models.signature_request import SignatureRequest
from app.models.stored_file import StoredFile
from app.models.webhook_attempt import WebhookAttempt
from app.models.webhook_delivery import DeliveryStatus, WebhookDelivery
from app.models.webhook_subscription import SwitchOffReason, WebhookSubscription

__all__ = [
    "ApiKey",
    "DeliveryStatus",
    "DiscardedFile",
    "HistoryEntry",
    "IdempotencyKey",
    "Project",
    "ProviderEvent",
    "Recipient",
    "Render",
    "RenderStatus",
    "SignatureRequest",
    "StoredFile",
    "SwitchOffReason",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookSubscription",
]
