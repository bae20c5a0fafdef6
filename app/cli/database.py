"""`countersign db …`."""

import click
from flask import Flask

from app import migration
from app.cli.context import with_any_schema
from app.extensions import db


@click.group("db")
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
@with_any_schema
def upgrade(_app: Flask) -> None:
    """Bring the database's tables up to this version; who runs it twice at once waits, and finds it done."""
    upgraded = migration.upgrade(db.engine, migration.MIGRATIONS, place="DATABASE_URL")
    click.echo("The database is upgraded." if upgraded else "The database is up to date.")
