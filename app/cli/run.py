"""`countersign run`."""

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from app import local
from app.cli.context import unusable
from app.config import SettingsError
from app.schema import WrongSchema
from app.stack import Ports


@click.command("run")
@click.option("--port", default=Ports.api, show_default=True, help="Where the API listens.")
@click.option("--signer-port", default=Ports.signer, show_default=True, help="Where the signing service listens.")
def run_locally(port: int, signer_port: int) -> None:
    """Start everything on this machine, for trying out and for development."""
    try:
        local.run(Ports(api=port, signer=signer_port))
    except (local.CannotRun, SettingsError, WrongSchema) as error:
        raise click.ClickException(str(error)) from error
    except (OperationalError, ProgrammingError) as error:
        raise unusable(error) from error
