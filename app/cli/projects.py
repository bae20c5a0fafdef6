"""`countersign projects …`."""

import click

from app.cli.context import with_app
from app.cli.line import Line
from app.services import projects


@click.group("projects")
def projects_group() -> None:
    """Create and list projects. Each has its own keys, renders and signature requests."""


@projects_group.command("create")
@click.argument("name", type=Line())
@with_app
def create_project(name: str) -> None:
    """Create a project and print its id."""
    click.echo(projects.create(name).id)


@projects_group.command("list")
@with_app
def list_projects() -> None:
    """List the projects: id and name."""
    for project in projects.list_all():
        click.echo(f"{project.id}  {project.name}")
