"""The frame of the commands that need the app."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.config import SettingsError
from app.domain.errors import CountersignError
from app.extensions import db
from app.foundation import create_foundation
from app.schema import MIGRATIONS, require_schema

Command = Callable[..., None]


def with_app(command: Command) -> Command:
    """Run a command inside the app, if the database's tables fit; what is wrong is one line on standard error."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        require_schema(db.engine, MIGRATIONS, place="DATABASE_URL")
        command(*args, **kwargs)

    return with_any_schema(run)


def with_any_schema(command: Command) -> Command:
    """Run a command inside the app, whatever the tables are; what is wrong is one line on standard error."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            app = create_foundation()
            with app.app_context():
                try:
                    command(app, *args, **kwargs)
                finally:
                    db.engine.dispose()
        except (SettingsError, CountersignError) as error:
            raise click.ClickException(str(error)) from error
        except (OperationalError, ProgrammingError) as error:
            raise unusable(error) from error

    return run


def unusable(error: OperationalError | ProgrammingError) -> click.ClickException:
    """Say in one line that the database cannot be used."""
    cause = str(error.orig).partition("\n")[0]
    return click.ClickException(
        f"The database of DATABASE_URL cannot be used: {cause}. Is it up, and was countersign db upgrade run?"
    )
