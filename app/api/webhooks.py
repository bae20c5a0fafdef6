"""`/v1/webhooks` (contract section 5)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.api.deps import current_project, dependencies, public_url
from app.api.parsing import LOCATION, StrictBlueprint
from app.api.schemas.base import PageQuerySchema
from app.api.schemas.webhooks import (
    WebhookActionSchema,
    WebhookChangeSchema,
    WebhookCreateSchema,
    WebhookDeliveryDetailSchema,
    WebhookDeliveryListSchema,
    WebhookDeliveryQuerySchema,
    WebhookDeliverySchema,
    WebhookListSchema,
    WebhookSchema,
    WebhookWithSecretSchema,
)
from app.domain.errors import Conflict
from app.models import WebhookDelivery, WebhookSubscription
from app.services import deliveries, webhooks
from app.services.paging import Page

blueprint = StrictBlueprint("webhooks", __name__, description="Tell the project's servers what happens.")


@blueprint.get("")
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, WebhookListSchema)
def list_webhooks(query: Mapping[str, Any]) -> Page[WebhookSubscription]:
    """List the project's webhooks, newest first."""
    return webhooks.list_page(project_id=current_project(), cursor=query.get("cursor"), limit=query["limit"])


@blueprint.post("")
@blueprint.arguments(WebhookCreateSchema)
@blueprint.no_query
@blueprint.response(201, WebhookWithSecretSchema, headers=LOCATION)
def create_webhook(body: Mapping[str, Any]) -> tuple[WebhookSubscription, int, Mapping[str, str]]:
    """Subscribe an address to events; the answer alone shows the secret."""
    created = webhooks.create(project_id=current_project(), deps=dependencies(), **body)
    return created, 201, {"Location": public_url(f"/v1/webhooks/{created.id}")}


@blueprint.get("/<uuid:webhook_id>")
@blueprint.no_query
@blueprint.response(200, WebhookSchema)
def get_webhook(webhook_id: UUID) -> WebhookSubscription:
    """Return a webhook."""
    return webhooks.get(webhook_id, project_id=current_project())


@blueprint.patch("/<uuid:webhook_id>")
@blueprint.arguments(WebhookChangeSchema)
@blueprint.no_query
@blueprint.response(200, WebhookSchema)
def change_webhook(body: Mapping[str, Any], webhook_id: UUID) -> WebhookSubscription:
    """Change a webhook, or switch it off or on."""
    return webhooks.change(webhook_id, body, project_id=current_project(), deps=dependencies())


@blueprint.delete("/<uuid:webhook_id>")
@blueprint.no_query
@blueprint.response(204)
def delete_webhook(webhook_id: UUID) -> None:
    """Delete a webhook; what waits for it is dropped."""
    webhooks.delete(webhook_id, project_id=current_project())


@blueprint.post("/<uuid:webhook_id>/rotate-secret")
@blueprint.arguments(WebhookActionSchema, location="json_or_empty", as_kwargs=True)
@blueprint.no_query
@blueprint.response(200, WebhookWithSecretSchema)
def rotate_webhook_secret(webhook_id: UUID) -> WebhookSubscription:
    """Make a new secret; the old one signs as well for 24 hours."""
    return webhooks.rotate_secret(webhook_id, project_id=current_project())


@blueprint.post("/<uuid:webhook_id>/test")
@blueprint.arguments(WebhookActionSchema, location="json_or_empty", as_kwargs=True)
@blueprint.no_query
@blueprint.raises(Conflict)
@blueprint.response(202, WebhookDeliverySchema)
def send_test_webhook(webhook_id: UUID) -> WebhookDelivery:
    """Queue a test delivery."""
    return deliveries.queue_test(webhook_id, project_id=current_project())


@blueprint.get("/<uuid:webhook_id>/deliveries")
@blueprint.arguments(WebhookDeliveryQuerySchema, location="query")
@blueprint.response(200, WebhookDeliveryListSchema)
def list_webhook_deliveries(query: Mapping[str, Any], webhook_id: UUID) -> Page[WebhookDelivery]:
    """List a webhook's deliveries, newest first."""
    return deliveries.list_page(
        webhook_id,
        project_id=current_project(),
        status=query.get("status"),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )


@blueprint.get("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
@blueprint.no_query
@blueprint.response(200, WebhookDeliveryDetailSchema)
def get_webhook_delivery(webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Return a delivery with its body and its attempts."""
    return deliveries.get(delivery_id, subscription_id=webhook_id, project_id=current_project())


@blueprint.post("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/redeliver")
@blueprint.arguments(WebhookActionSchema, location="json_or_empty", as_kwargs=True)
@blueprint.no_query
@blueprint.raises(Conflict)
@blueprint.response(202, WebhookDeliverySchema)
def redeliver(webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Send a delivery again: the same bytes with the same id."""
    return deliveries.redeliver(delivery_id, subscription_id=webhook_id, project_id=current_project())
