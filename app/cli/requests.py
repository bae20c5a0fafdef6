"""`countersign requests …`."""

from uuid import UUID

import click

from app.api.deps import dependencies
from app.cli.context import with_app
from app.cli.signer import forget_envelopes
from app.services import discarding, erasing


@click.group("requests")
def requests_group() -> None:
    """Look after single signature requests."""


@requests_group.command("erase")
@click.argument("request_id", type=click.UUID)
@click.option("--yes", is_flag=True, help="Erase it; without this, nothing happens.")
@with_app
def erase_request(request_id: UUID, *, yes: bool) -> None:
    """Erase the personal data and the files of a request that is over. What happened and when stays on record."""
    request = erasing.find(request_id)
    people = len(request.recipients)
    if not yes:
        click.echo(
            f"{request.id} is {request.status} and names {people} people. Add --yes to erase them and its files."
        )
        return
    forget_envelopes([request.provider_id] if request.provider_id else [])
    erasing.erase(request_id, deps=dependencies())
    click.echo(f"Erased {request.id}: {people} people, and its files.")
    if waiting := discarding.count_waiting():
        click.echo(f"{waiting} files could not be removed yet; the worker goes on trying.")
