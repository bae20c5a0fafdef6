"""`/hooks/signing-provider`: events from the provider (contract section 6)."""

from flask import Response, jsonify, request

from app.api.deps import dependencies
from app.api.parsing import LARGEST_JSON, StrictBlueprint, read_body
from app.services import provider_events

blueprint = StrictBlueprint("provider_events", __name__, description="Events from the signing service.")


@blueprint.post("/signing-provider")
def receive_event() -> Response:
    """Verify, store, answer; the worker does the thinking."""
    body = read_body(request, limit=LARGEST_JSON)
    provider_events.receive(body, dict(request.headers), deps=dependencies())
    return jsonify({"received": True})
