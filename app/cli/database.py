"""`countersign db …`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import URL, Engine, MetaData
from sqlalchemy.exc import DatabaseError

from app import migration, schema
from app.cli.context import cause_of, with_any_schema
from app.cli.progress import progress
from app.cli.signer import REMEDY
from app.config import SettingsError, require_database
from app.domain.errors import CountersignError
from app.extensions import Base, db, open_engine
from app.services import copying


@click.group("db")
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
@with_any_schema
def upgrade() -> None:
    """Upgrade the tables to this version. A second upgrade at the same time waits, and finds it done."""
    upgraded = migration.upgrade(db.engine, schema.MIGRATIONS, place="DATABASE_URL")
    click.echo("The database is upgraded." if upgraded else "The database is up to date.")


@database.command("copy")
@click.argument("source")
@click.argument("target")
@click.option("--signer", is_flag=True, help="They are databases of the bundled signing service.")
def copy(source: str, target: str, *, signer: bool) -> None:
    """Copy a database into an empty one. All rows go from the URL SOURCE to the URL TARGET, and are compared.

    The tables of TARGET are made. Stop everything that writes to SOURCE before: what comes later is not copied.
    """
    file, _ = _url(source, "SOURCE"), _url(target, "TARGET")
    if file.get_backend_name() == "sqlite" and not Path(file.database or "").is_file():
        raise click.ClickException(f"SOURCE is not a file: {file.database}.")  # Connecting would make it.
    metadata, migrations = _signer_tables() if signer else (Base.metadata, schema.MIGRATIONS)
    remedy = REMEDY if signer else schema.UPGRADE
    try:
        with _opened(source) as reading, _opened(target) as writing:
            schema.require_schema(reading, migrations, place="SOURCE", remedy=remedy)
            migration.upgrade(writing, migrations, place="TARGET")
            copied = copying.copy(reading, writing, metadata, report=progress())
    except (CountersignError, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    except DatabaseError as error:
        raise click.ClickException(f"SOURCE or TARGET cannot be used: {cause_of(error)}.") from error
    for name, content in copied.items():
        click.echo(f"{name}: {content.rows} rows, SHA-256 {content.digest[:16]}… on both sides")
    click.echo(f"Copied {sum(content.rows for content in copied.values())} rows; both sides hold the same.")


def _url(given: str, name: str) -> URL:
    try:
        return require_database(name, given)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url, pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()


def _signer_tables() -> tuple[MetaData, Path]:
    from app.signer.database import MIGRATIONS  # noqa: PLC0415 (as in app/cli/signer.py)
    from app.signer.models import SignerBase  # noqa: PLC0415 (as in app/cli/signer.py)

    return SignerBase.metadata, MIGRATIONS
