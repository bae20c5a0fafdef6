"""What the composition root hands to the use cases."""

from dataclasses import dataclass

from app.config import Settings
from app.domain.ports import (
    AddressGuard,
    FileStorage,
    PdfInspector,
    ProviderEventVerifier,
    SigningProvider,
    WebhookSender,
)


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The outside world, built once in `foundation.py`."""

    settings: Settings
    storage: FileStorage
    inspector: PdfInspector
    #: None when no signing service is configured on this server.
    signing: SigningProvider | None
    provider_events: ProviderEventVerifier
    webhooks: WebhookSender
    webhook_addresses: AddressGuard
