"""`countersign purge`."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from app.api.deps import dependencies
from app.cli.context import with_app
from app.cli.signer import forget_envelopes
from app.domain import clock
from app.domain.lifecycle import TERMINAL, Status
from app.services import discarding, projects, purging
from app.services.dependencies import Dependencies
from app.services.purging import Selection, Survey

UNITS = {"d": "days", "h": "hours", "m": "minutes"}

#: A save takes seconds: what is older than this was left by one that was killed.
CUT_OFF = timedelta(days=1)

#: Files removed at a time.
BATCH = 100


class Age(click.ParamType[timedelta]):
    """A length of time such as `365d`, `12h` or `30m`."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the length; fail with what can be written."""
        match = re.fullmatch(r"([1-9][0-9]{0,4})([dhm])", str(value), re.ASCII)
        if match is None:
            self.fail(f"{value!r} is not an age: write a number and d, h or m, such as 365d.", param, ctx)
        return timedelta(**{UNITS[match[2]]: int(match[1])})


class FinalStatuses(click.ParamType[list[Status]]):
    """Final statuses, separated by commas."""

    name = "status,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Status]:
        """Return the statuses; fail with those that there are."""
        words = str(value).split(",")
        wrong = [word for word in words if word not in set(TERMINAL)]
        if wrong:
            self.fail(
                f"{wrong[0]!r} is not a final status; only {', '.join(sorted(TERMINAL))} can be purged.", param, ctx
            )
        return [Status(word) for word in dict.fromkeys(words)]


@click.command("purge")
@click.option("--older-than", required=True, type=Age(), help="How long ago they must have ended: 365d, 12h, 30m.")
@click.option("--status", "statuses", required=True, type=FinalStatuses(), help="Such as cancelled,expired.")
@click.option("--project", "project_id", type=click.UUID, help="Only those of this project.")
@click.option("--yes", is_flag=True, help="Delete them; without this, they are only counted.")
@with_app
def purge_requests(older_than: timedelta, statuses: list[Status], project_id: UUID | None, *, yes: bool) -> None:
    """Delete requests that ended long ago. Their people, history, webhooks and files go too.

    Without --yes it only says what it would delete.
    """
    if project_id is not None:
        projects.get(project_id)
    deps = dependencies()
    selection = Selection(ended_before=clock.utcnow() - older_than, statuses=statuses, project_id=project_id)
    survey = purging.survey(selection)
    _show(survey, selection)
    if yes:
        _purge(selection, deps=deps)
    elif survey.shares:
        click.echo("Add --yes to delete them for good.")


def _show(survey: Survey, selection: Selection) -> None:
    click.echo(f"Ended before {selection.ended_before:%Y-%m-%d %H:%M} UTC:")
    for share in survey.shares:
        ended = f"ended {share.first_ended:%Y-%m-%d} to {share.last_ended:%Y-%m-%d}"
        click.echo(f"{share.project}  {share.status}  {share.count}  {ended}  {_bytes(share.size)} of files")
    total = sum(share.count for share in survey.shares)
    size = sum(share.size for share in survey.shares) + survey.render_size
    click.echo(f"{total} requests, and {survey.renders} renders that nothing else needs; {_bytes(size)} in all.")
    if survey.busy:
        click.echo(f"{survey.busy} more are left for later: something is still being done about them.")


def _purge(selection: Selection, *, deps: Dependencies) -> None:
    purged = purging.purge(selection, forget_envelopes=forget_envelopes)
    while discarding.run_once(limit=BATCH, deps=deps):
        pass
    leftovers = deps.storage.remove_leftovers(older_than=CUT_OFF)
    click.echo(f"Deleted {purged.requests} requests, {purged.renders} renders and {purged.files} files.")
    if leftovers:
        click.echo(f"Removed {leftovers} files that interrupted saves had left.")
    if waiting := discarding.count_waiting():
        click.echo(f"{waiting} files could not be removed yet; the worker goes on trying.")


def _bytes(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"
