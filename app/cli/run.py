"""`countersign run`."""

import click
from sqlalchemy.exc import DatabaseError

from app import local
from app.cli.context import unusable
from app.config import SettingsError
from app.schema import WrongSchema
from app.stack import Ports

PORT = click.IntRange(0, 65535)


@click.command("run")
@click.option("--port", type=PORT, default=Ports.api, show_default=True, help="Where the API listens.")
@click.option(
    "--signer-port", type=PORT, default=Ports.signer, show_default=True, help="Where the signing service listens."
)
def run_locally(port: int, signer_port: int) -> None:
    """Run everything on this machine. For trying out and for development."""
    try:
        local.run(Ports(api=port, signer=signer_port))
    except (local.CannotRun, SettingsError, WrongSchema) as error:
        raise click.ClickException(str(error)) from error
    except DatabaseError as error:
        raise unusable(error) from error
