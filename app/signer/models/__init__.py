"""The tables of the signing service. Times are UTC; boxes are percent of the displayed page, origin top-left."""

from app.signer.models.access import Code, Link, Secret, Upload
from app.signer.models.base import Lease, SignerBase
from app.signer.models.envelopes import AuditEntry, Envelope, EnvelopeStatus, Field, Recipient
from app.signer.models.outgoing import Mail, MailKind, OutgoingEvent, Webhook

__all__ = [
    "AuditEntry",
    "Code",
    "Envelope",
    "EnvelopeStatus",
    "Field",
    "Lease",
    "Link",
    "Mail",
    "MailKind",
    "OutgoingEvent",
    "Recipient",
    "Secret",
    "SignerBase",
    "Upload",
    "Webhook",
]
