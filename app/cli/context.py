"""The frame of the commands that need the app."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError

from app.config import Settings, SettingsError, load_settings
from app.domain.errors import CountersignError
from app.extensions import db
from app.foundation import create_foundation
from app.schema import MIGRATIONS, require_schema

Command = Callable[..., None]


def with_app(command: Command) -> Command:
    """Run a command inside the app, if the database's tables fit; what is wrong is one line on standard error."""
    return with_any_schema(_checking_schema(command))


def with_any_schema(command: Command) -> Command:
    """Run a command inside the app, whatever the tables are; what is wrong is one line on standard error."""
    return _framed(command, to_settings=_quiet)


def long_running(command: Command) -> Command:
    """Run a command as `with_app` does, one that is followed by its log and not by what it prints."""
    return _framed(_checking_schema(command), to_settings=lambda settings: settings)


def _quiet(settings: Settings) -> Settings:
    """Log what is wrong only: what a command did is what it prints."""
    return replace(settings, log_level="warning") if settings.log_level == "info" else settings


def _checking_schema(command: Command) -> Command:
    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        require_schema(db.engine, MIGRATIONS, place="DATABASE_URL")
        command(*args, **kwargs)

    return run


def _framed(command: Command, *, to_settings: Callable[[Settings], Settings]) -> Command:
    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            app = create_foundation(to_settings(load_settings()))
            with app.app_context():
                try:
                    command(*args, **kwargs)
                finally:
                    db.engine.dispose()
        except (SettingsError, CountersignError) as error:
            raise click.ClickException(str(error)) from error
        except (DataError, IntegrityError):
            raise  # The database can be used; what it was given is wrong.
        except DatabaseError as error:
            raise unusable(error) from error

    return run


def unusable(error: DatabaseError) -> click.ClickException:
    """Say in one line that the database cannot be used."""
    return click.ClickException(
        f"The database of DATABASE_URL cannot be used: {cause_of(error)}. Is it up, and was countersign db upgrade run?"
    )


def cause_of(error: DatabaseError) -> str:
    """Return what the database's driver says, without the hints that follow."""
    return str(error.orig).partition("\n")[0]
