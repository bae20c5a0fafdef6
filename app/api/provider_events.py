"""`/hooks/signing-provider`: events from the provider (contract section 6)."""

from flask import request

from app.api.deps import dependencies
from app.api.errors import RequestTooLarge
from app.api.parsing import StrictBlueprint, read_body
from app.api.schemas.provider_events import ProviderEventReceiptSchema
from app.domain.errors import InvalidProviderEvent
from app.services import provider_events

#: How the API description shows what the signing service sends.
SIGNATURE = {
    "in": "header",
    "name": "X-Firma-Signature",
    "required": True,
    "description": "`t=<Unix seconds>,v1=<hex HMAC-SHA256 of t.body>`.",
    "schema": {"type": "string"},
}
EVENT = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}

#: Anybody may send one, and it is read before its signature can be checked.
LARGEST_EVENT = 256 * 1024

blueprint = StrictBlueprint("provider_events", __name__, description="Events from the signing service.")


@blueprint.post("/signing-provider")
@blueprint.doc(parameters=[SIGNATURE], requestBody=EVENT)
@blueprint.raises(InvalidProviderEvent, RequestTooLarge)
@blueprint.response(200, ProviderEventReceiptSchema, description="Stored, be it new, known or about nothing of ours.")
def receive_event() -> dict[str, bool]:
    """Take an event from the signing service.

    Only the signing service that this server is set up with can sign one; the server reads the truth there later.
    """
    body = read_body(request, limit=LARGEST_EVENT)
    provider_events.receive(body, dict(request.headers), deps=dependencies())
    return {"received": True}
