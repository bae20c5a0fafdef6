"""`countersign …`: parse, call a service, print. A file for each command or group of commands."""

import click

from app.cli import database, doctor, keeping, keys, projects, purge, requests, run, signer, webhooks, worker


@click.group()
def main() -> None:
    """Run and look after Countersign."""


for command in (
    run.run_locally,
    database.database,
    projects.projects_group,
    keys.keys_group,
    webhooks.webhooks_group,
    requests.requests_group,
    purge.purge_requests,
    worker.run_worker,
    doctor.examine,
    keeping.back_up,
    keeping.restore,
    signer.verify_seal,
    signer.audit_group,
):
    main.add_command(command)
