"""Whose turn it is to act on an envelope (provider fact sheet, sections 2.5 and 12)."""

from collections.abc import Sequence

from app.domain.ports import Designation
from app.signer.models import Envelope, Recipient


def acting(envelope: Envelope) -> list[Recipient]:
    """Return those who have to do something, in signing order; a CC only gets the final copy."""
    return [recipient for recipient in envelope.recipients if recipient.designation is not Designation.CC]


def whose_turn(envelope: Envelope) -> Sequence[Recipient]:
    """Return those who may act now: one after the other when the order counts, else everybody who has not yet.

    Equal orders never act at the same time (section 2.2).
    """
    waiting = [recipient for recipient in acting(envelope) if recipient.signed_at is None]
    return waiting[:1] if uses_signing_order(envelope) else waiting


def uses_signing_order(envelope: Envelope) -> bool:
    """Say whether one person is asked after the other."""
    return bool(envelope.settings.get("use_signing_order", True))
