"""`countersign db …`."""

import click
import flask_migrate
from flask import Flask

from app.cli.context import with_app


@click.group("db")
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
@with_app
def upgrade(_app: Flask) -> None:
    """Bring the database's tables up to this version."""
    flask_migrate.upgrade()
    click.echo("The database is up to date.")
