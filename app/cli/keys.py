"""`countersign keys …`."""

from uuid import UUID

import click

from app.cli.context import with_app
from app.cli.line import Line
from app.services import api_keys

NEVER = "never"


@click.group("keys")
def keys_group() -> None:
    """Make and revoke API keys."""


@keys_group.command("create")
@click.argument("project_id", type=click.UUID)
@click.option("--name", type=Line(longest=255), default="", help="What the key is for.")
@with_app
def create_key(project_id: UUID, name: str) -> None:
    """Create a key; its clear text is printed now and never again."""
    key = api_keys.create(project_id, name=name)
    click.echo("Keep this key: it is shown only once.", err=True)
    click.echo(key.clear_text)


@keys_group.command("list")
@with_app
def list_keys() -> None:
    """List the keys: prefix, project, name, last use, state."""
    for key in api_keys.list_all():
        used = key.last_used_at.isoformat(timespec="seconds") if key.last_used_at else NEVER
        state = "revoked" if key.revoked_at else "active"
        click.echo(f"{key.prefix}  {key.project.name}  {key.name or '-'}  last used {used}  {state}")


@keys_group.command("revoke")
@click.argument("prefix", type=Line())
@with_app
def revoke_key(prefix: str) -> None:
    """Revoke a key, at once."""
    api_keys.revoke(prefix)
    click.echo(f"Revoked {prefix}.")
