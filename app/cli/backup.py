"""`countersign backup` and `countersign restore`."""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from app.api.deps import dependencies
from app.cli import signer
from app.cli.context import Command, with_any_schema, with_app
from app.cli.progress import progress
from app.gateways.storage.local import LocalStorage
from app.services import backups, restoring
from app.services.holdings import Holding, api_holding


def _one_line(what: str) -> Callable[[Command], Command]:
    """Say in one line what the disk or the storage refuses."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(*args: Any, **kwargs: Any) -> None:
            try:
                command(*args, **kwargs)
            except OSError as error:
                raise click.ClickException(f"{what}: {error.strerror or error}".removesuffix(".") + ".") from error

        return run

    return decorate


@click.command("backup")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@with_app
@_one_line("The backup failed, and nothing is left of it")
def back_up(folder: Path) -> None:
    """Back up databases, files and the seal's key. They go into the new folder DIR, while everything runs."""
    holdings = [_api(), *filter(None, [signer.holding(existing=True)])]
    made = backups.make(
        folder, holdings, archive=LocalStorage(folder), program=version("countersign"), report=progress()
    )
    for name, facts in made.manifest.databases.items():
        click.echo(f"{name}: {sum(facts.rows.values())} rows, {_count(made.sums, name)} files")
    click.echo(f"Backed up to {folder}. It holds secrets, the seal's key and documents: keep it as you keep those.")
    _say_lost(made.manifest.lost)
    sys.exit(bool(made.manifest.lost))


@click.command("restore")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@with_any_schema
@_one_line("The restore failed; it can be run again")
def restore(folder: Path) -> None:
    """Restore the backup in the folder DIR. It is checked first, and goes where the settings say, if that is empty."""
    holdings = [_api(), *filter(None, [signer.holding(existing=False)])]
    backup, restored = restoring.restore(folder, holdings, archive=LocalStorage(folder), report=progress())
    for part in restored:
        rows = sum(content.rows for content in part.rows.values())
        click.echo(f"{part.holding.name}: {rows} rows in {len(part.rows)} tables, {part.files} files, all as backed up")
    click.echo(
        f"Restored what there was at {backup.manifest.made_at}. Start the processes, then run: countersign doctor"
    )
    _say_lost(backup.manifest.lost)


def _api() -> Holding:
    deps = dependencies()
    return api_holding(deps.settings.database_url, deps.storage)


def _count(sums: Mapping[str, str], holding: str) -> int:
    return sum(name.startswith(f"{holding}/files/") for name in sums)


def _say_lost(lost: Mapping[str, str]) -> None:
    for name, fault in sorted(lost.items()):
        click.echo(f"Lost before this backup: {name} ({fault})", err=True)
