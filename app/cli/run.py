"""`countersign run`."""

import sys

import click

from app import local
from app.config import SettingsError
from app.schema import WrongSchema


@click.command("run")
@click.option("--port", default=local.Ports.api, show_default=True, help="Where the API listens.")
@click.option("--signer-port", default=local.Ports.signer, show_default=True, help="Where the signing service listens.")
def run_locally(port: int, signer_port: int) -> None:
    """Start everything on this machine, for trying out and for development."""
    try:
        sys.exit(local.run(local.Ports(api=port, signer=signer_port)))
    except (local.CannotRun, SettingsError, WrongSchema) as error:
        raise click.ClickException(str(error)) from error
