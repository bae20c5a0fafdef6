"""`/v1/health` (contract section 3)."""

from app.api.parsing import StrictBlueprint
from app.api.schemas.health import HealthSchema
from app.services import health
from app.services.health import Health

blueprint = StrictBlueprint("health", __name__, description="Whether this server can do its work.")


@blueprint.get("/health")
@blueprint.response(200, HealthSchema, description="It can.")
@blueprint.alt_response(503, schema=HealthSchema, description="It cannot: `checks` says what fails.")
def get_health() -> tuple[Health, int]:
    """Say whether this server can do its work; needs no key."""
    found = health.check()
    return found, 200 if found.is_ok else 503
