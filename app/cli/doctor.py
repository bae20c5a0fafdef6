"""`countersign doctor`."""

import sys

import click

from app.api.deps import dependencies
from app.cli import signer
from app.cli.context import with_any_schema
from app.services import doctor


@click.command("doctor")
@with_any_schema
def examine() -> None:
    """Say what is well, and what is not. Exits with 1 if something needs a person."""
    findings = [*doctor.examine(dependencies()), *signer.examine()]
    for finding in findings:
        mark = "ok  " if finding.advice is None else "LOOK"
        click.echo(f"{mark}  {finding.subject}: {finding.state}")
        if finding.advice is not None:
            click.echo(f"      → {finding.advice}")
    sys.exit(any(finding.advice is not None for finding in findings))
