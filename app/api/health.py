"""`/v1/health` (contract section 3)."""

from flask import Response, jsonify

from app.api.parsing import StrictBlueprint
from app.services import health

blueprint = StrictBlueprint("health", __name__, description="Whether this server can do its work.")


@blueprint.get("/health")
def get_health() -> Response:
    """Say whether this server can do its work; needs no key."""
    found = health.check()
    body = {"status": "ok" if found.is_ok else "degraded", "version": found.version, "checks": dict(found.checks)}
    response = jsonify(body)
    response.status_code = 200 if found.is_ok else 503
    return response
