"""What the services need from the outside world, in our own words. `gateways` and `pdf` fulfil these protocols."""

from app.domain.ports.documents import (
    Box,
    FileStorage,
    PageSize,
    PdfInspector,
    PdfReport,
    SavedFile,
)
from app.domain.ports.signing import (
    Designation,
    EnvelopeAnchor,
    EnvelopeDraft,
    EnvelopeField,
    EnvelopeRecipient,
    EnvelopeState,
    EnvelopeStatus,
    FoundEnvelope,
    ProviderEventNotice,
    ProviderEventVerifier,
    RecipientState,
    SentEnvelope,
    SigningProvider,
)
from app.domain.ports.webhooks import (
    AddressGuard,
    WebhookAnswer,
    WebhookFault,
    WebhookRequest,
    WebhookSender,
)

__all__ = [
    "AddressGuard",
    "Box",
    "Designation",
    "EnvelopeAnchor",
    "EnvelopeDraft",
    "EnvelopeField",
    "EnvelopeRecipient",
    "EnvelopeState",
    "EnvelopeStatus",
    "FileStorage",
    "FoundEnvelope",
    "PageSize",
    "PdfInspector",
    "PdfReport",
    "ProviderEventNotice",
    "ProviderEventVerifier",
    "RecipientState",
    "SavedFile",
    "SentEnvelope",
    "SigningProvider",
    "WebhookAnswer",
    "WebhookFault",
    "WebhookRequest",
    "WebhookSender",
]
