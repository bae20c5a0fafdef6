"""`countersign webhooks …`."""

from datetime import UTC, datetime
from uuid import UUID

import click

from app.api.deps import dependencies
from app.cli.context import with_app
from app.cli.line import Line
from app.domain.events import Event
from app.models import DeliveryStatus
from app.services import deliveries, projects, webhooks


@click.group("webhooks")
def webhooks_group() -> None:
    """Look after webhooks and their deliveries."""


@webhooks_group.command("create")
@click.argument("project_id", type=click.UUID)
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, type=click.Choice([event.value for event in Event]), help="Default: all events."
)
@click.option("--description", type=Line(longest=255), help="What the webhook is for.")
@with_app
def create_webhook(project_id: UUID, url: str, events: tuple[Event, ...], description: str | None) -> None:
    """Subscribe an address to events. Its secret is printed now and never again."""
    projects.get(project_id)
    created = webhooks.create(
        project_id=project_id,
        url=url,
        events=events or [*Event],
        description=description,
        deps=dependencies(),
    )
    click.echo(f"Webhook {created.id}. Keep this secret: it is shown only once.", err=True)
    click.echo(created.secret)


@webhooks_group.command("list")
@with_app
def list_webhooks() -> None:
    """List the webhooks: id, project, address, state."""
    for webhook in webhooks.list_all():
        state = "active" if webhook.active else f"switched off ({webhook.disabled_reason or 'by the project'})"
        failing = f"  failing since {webhook.failing_since:%Y-%m-%d %H:%M} UTC" if webhook.failing_since else ""
        click.echo(f"{webhook.id}  {webhook.project.name}  {webhook.url}  {state}{failing}")


@webhooks_group.command("rotate-secret")
@click.argument("webhook_id", type=click.UUID)
@with_app
def rotate_webhook_secret(webhook_id: UUID) -> None:
    """Make a new secret. The old one signs as well for 24 hours."""
    rotated = webhooks.rotate_secret(webhook_id, project_id=webhooks.owner(webhook_id))
    click.echo("Keep this secret: it is shown only once.", err=True)
    click.echo(rotated.secret)


@webhooks_group.command("test")
@click.argument("webhook_id", type=click.UUID)
@with_app
def send_test_webhook(webhook_id: UUID) -> None:
    """Queue a test delivery; the worker sends it."""
    delivery = deliveries.queue_test(webhook_id, project_id=webhooks.owner(webhook_id))
    click.echo(f"Queued {delivery.id}.")


@webhooks_group.command("delete")
@click.argument("webhook_id", type=click.UUID)
@click.option("--yes", is_flag=True, help="Delete it; without this, nothing happens.")
@with_app
def delete_webhook(webhook_id: UUID, *, yes: bool) -> None:
    """Delete a webhook; what waits for it is dropped."""
    found = webhooks.get(webhook_id, project_id=webhooks.owner(webhook_id))
    if yes:
        webhooks.delete(webhook_id, project_id=found.project_id)
    click.echo(f"Deleted {found.url}." if yes else f"Add --yes to delete {found.url}.")


@webhooks_group.command("redeliver")
@click.option("--since", required=True, type=click.DateTime(), help="Events from this time on, UTC.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in DeliveryStatus if status is not DeliveryStatus.PENDING]),
    default=DeliveryStatus.ABANDONED.value,
    show_default=True,
)
@click.option("--yes", is_flag=True, help="Send them; without this, they are only counted.")
@with_app
def redeliver(since: datetime, status: DeliveryStatus, *, yes: bool) -> None:
    """Send again what did not arrive. The worker sends the same bytes with the same ids."""
    since = since.replace(tzinfo=UTC)
    count = deliveries.count_to_redeliver(since=since, status=status)
    click.echo(f"{count} deliveries are {status} since {since:%Y-%m-%d %H:%M} UTC.")
    if yes:
        click.echo(f"Queued {deliveries.redeliver_all(since=since, status=status)} of them again.")
    elif count:
        click.echo("Add --yes to send them again.")
