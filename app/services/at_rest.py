"""Which requests are at rest: over, and with nothing left that we are doing about them."""

from sqlalchemy import ColumnElement, and_, exists, not_, select

from app.domain import clock
from app.domain.lifecycle import TERMINAL
from app.models import SignatureRequest, WebhookDelivery
from app.services import leases
from app.services.doubt import AWAITS_ENVELOPE


def at_rest() -> ColumnElement[bool]:
    """Return the condition that a request is at rest.

    No worker has it, no webhook about it is still on its way, and its envelope, if it was given up without one, is
    not watched for any more: an envelope that turned up after its request is gone would be signed unknown to us.
    """
    still_told = exists(
        select(WebhookDelivery.id)
        .where(WebhookDelivery.request_id == SignatureRequest.id, WebhookDelivery.finished_at.is_(None))
        .correlate(SignatureRequest)
    )
    still_watched_for = and_(AWAITS_ENVELOPE, SignatureRequest.due_at.is_not(None))
    return and_(
        SignatureRequest.status.in_(TERMINAL),
        leases.is_free(SignatureRequest, clock.utcnow()),
        not_(still_watched_for),
        not_(still_told),
    )
