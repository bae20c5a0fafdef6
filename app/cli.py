"""`countersign …`: parse, call a service, print."""

import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from uuid import UUID

import click
import flask_migrate
from flask import Flask
from sqlalchemy.exc import OperationalError, ProgrammingError

from app import cli_signer, local, worker
from app.api.deps import EXTENSION
from app.config import SettingsError
from app.domain.errors import CountersignError
from app.domain.events import Event
from app.extensions import db
from app.factory import create_app
from app.models import DeliveryStatus
from app.services import api_keys, deliveries, doctor, projects, webhooks

NEVER = "never"


@click.group()
def main() -> None:
    """Run and look after Countersign."""


main.add_command(cli_signer.verify_seal)
main.add_command(cli_signer.audit_group)


def with_app(command: Callable[..., None]) -> Callable[..., None]:
    """Run a command inside the app; what is wrong is one line on standard error."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            app = create_app()
            with app.app_context():
                try:
                    command(app, *args, **kwargs)
                finally:
                    db.engine.dispose()
        except (SettingsError, CountersignError) as error:
            raise click.ClickException(str(error)) from error
        except (OperationalError, ProgrammingError) as error:
            cause = str(error.orig).partition("\n")[0]
            raise click.ClickException(
                f"The database of DATABASE_URL cannot be used: {cause}. Is it up, and was countersign db upgrade run?"
            ) from error

    return run


@main.command("run")
@click.option("--port", default=local.Ports.api, show_default=True, help="Where the API listens.")
@click.option("--signer-port", default=local.Ports.signer, show_default=True, help="Where the signing service listens.")
def run_locally(port: int, signer_port: int) -> None:
    """Start everything on this machine, for trying out and for development."""
    try:
        sys.exit(local.run(local.Ports(api=port, signer=signer_port)))
    except (local.CannotRun, SettingsError) as error:
        raise click.ClickException(str(error)) from error


@main.group("db")
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
@with_app
def upgrade(_app: Flask) -> None:
    """Bring the database's tables up to this version."""
    flask_migrate.upgrade()
    click.echo("The database is up to date.")


@main.group("projects")
def projects_group() -> None:
    """Make projects: each has its own keys, renders and signature requests."""


@projects_group.command("create")
@click.argument("name")
@with_app
def create_project(_app: Flask, name: str) -> None:
    """Create a project and print its id."""
    click.echo(projects.create(name).id)


@projects_group.command("list")
@with_app
def list_projects(_app: Flask) -> None:
    """List the projects: id and name."""
    for project in projects.list_all():
        click.echo(f"{project.id}  {project.name}")


@main.group("keys")
def keys_group() -> None:
    """Make and revoke API keys."""


@keys_group.command("create")
@click.argument("project_id", type=click.UUID)
@click.option("--name", default="", help="What the key is for.")
@with_app
def create_key(_app: Flask, project_id: UUID, name: str) -> None:
    """Create a key; its clear text is printed now and never again."""
    key = api_keys.create(project_id, name=name)
    click.echo("Keep this key: it is shown only once.", err=True)
    click.echo(key.clear_text)


@keys_group.command("list")
@with_app
def list_keys(_app: Flask) -> None:
    """List the keys: prefix, project, name, last use, state."""
    for key in api_keys.list_all():
        used = key.last_used_at.isoformat(timespec="seconds") if key.last_used_at else NEVER
        state = "revoked" if key.revoked_at else "active"
        click.echo(f"{key.prefix}  {key.project.name}  {key.name or '-'}  last used {used}  {state}")


@keys_group.command("revoke")
@click.argument("prefix")
@with_app
def revoke_key(_app: Flask, prefix: str) -> None:
    """Revoke a key, at once."""
    api_keys.revoke(prefix)
    click.echo(f"Revoked {prefix}.")


@main.group("webhooks")
def webhooks_group() -> None:
    """Tell projects' servers what happens to their requests, and see whether they were told."""


@webhooks_group.command("create")
@click.argument("project_id", type=click.UUID)
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, type=click.Choice([event.value for event in Event]), help="Default: all events."
)
@click.option("--description", help="What the webhook is for.")
@with_app
def create_webhook(app: Flask, project_id: UUID, url: str, events: tuple[Event, ...], description: str | None) -> None:
    """Subscribe an address; its secret is printed now and never again."""
    projects.get(project_id)
    created = webhooks.create(
        project_id=project_id,
        url=url,
        events=events or [*Event],
        description=description,
        deps=app.extensions[EXTENSION],
    )
    click.echo(f"Webhook {created.id}. Keep this secret: it is shown only once.", err=True)
    click.echo(created.secret)


@webhooks_group.command("list")
@with_app
def list_webhooks(_app: Flask) -> None:
    """List the webhooks: id, project, address, state."""
    for webhook in webhooks.list_all():
        state = "active" if webhook.active else f"switched off ({webhook.disabled_reason or 'by the project'})"
        failing = f"  failing since {webhook.failing_since:%Y-%m-%d %H:%M} UTC" if webhook.failing_since else ""
        click.echo(f"{webhook.id}  {webhook.project.name}  {webhook.url}  {state}{failing}")


@webhooks_group.command("rotate-secret")
@click.argument("webhook_id", type=click.UUID)
@with_app
def rotate_webhook_secret(_app: Flask, webhook_id: UUID) -> None:
    """Make a new secret; the old one signs as well for 24 hours."""
    rotated = webhooks.rotate_secret(webhook_id, project_id=webhooks.owner(webhook_id))
    click.echo("Keep this secret: it is shown only once.", err=True)
    click.echo(rotated.secret)


@webhooks_group.command("test")
@click.argument("webhook_id", type=click.UUID)
@with_app
def send_test_webhook(_app: Flask, webhook_id: UUID) -> None:
    """Queue a test delivery; the worker sends it."""
    delivery = deliveries.queue_test(webhook_id, project_id=webhooks.owner(webhook_id))
    click.echo(f"Queued {delivery.id}.")


@webhooks_group.command("delete")
@click.argument("webhook_id", type=click.UUID)
@click.option("--yes", is_flag=True, help="Do it; without this, nothing happens.")
@with_app
def delete_webhook(_app: Flask, webhook_id: UUID, *, yes: bool) -> None:
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
@click.option("--yes", is_flag=True, help="Do it; without this, only the number is shown.")
@with_app
def redeliver(_app: Flask, since: datetime, status: DeliveryStatus, *, yes: bool) -> None:
    """Send again what did not arrive: the same bytes with the same ids. The worker does the sending."""
    since = since.replace(tzinfo=UTC)
    count = deliveries.count_to_redeliver(since=since, status=status)
    click.echo(f"{count} deliveries are {status} since {since:%Y-%m-%d %H:%M} UTC.")
    if yes:
        click.echo(f"Queued {deliveries.redeliver_all(since=since, status=status)} of them again.")
    elif count:
        click.echo("Add --yes to send them again.")


@main.command("worker")
@click.option("--once", is_flag=True, help="Do all that is due, then exit.")
@with_app
def run_worker(app: Flask, *, once: bool) -> None:
    """Do the background work: events, archiving, requests in doubt, webhooks."""
    deps = app.extensions[EXTENSION]
    if once:
        done = worker.run_until_idle(app, deps)
        click.echo(f"Attended to {done} rows.")
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.run(app, deps, stop)


@main.command("doctor")
@with_app
def examine(app: Flask) -> None:
    """Say what is well and what is not; exit with 1 if something needs a person."""
    findings = [*doctor.examine(app.extensions[EXTENSION]), *cli_signer.examine()]
    for finding in findings:
        mark = "ok  " if finding.advice is None else "LOOK"
        click.echo(f"{mark}  {finding.subject}: {finding.state}")
        if finding.advice is not None:
            click.echo(f"      → {finding.advice}")
    sys.exit(any(finding.advice is not None for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
