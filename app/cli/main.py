"""`countersign …`: parse, call a service, print. A file for each command or group of commands."""

from importlib import import_module

import click

#: Where the commands are: the module and the name in it.
COMMANDS = {
    "audit": ("signer", "audit_group"),
    "backup": ("backup", "back_up"),
    "db": ("database", "database"),
    "doctor": ("doctor", "examine"),
    "keys": ("keys", "keys_group"),
    "projects": ("projects", "projects_group"),
    "purge": ("purge", "purge_requests"),
    "requests": ("requests", "requests_group"),
    "restore": ("backup", "restore"),
    "run": ("run", "run_locally"),
    "verify": ("signer", "verify_seal"),
    "webhooks": ("webhooks", "webhooks_group"),
    "worker": ("worker", "run_worker"),
}


class Commands(click.Group):
    """Loads a command when it is called, and no other: the worker stays for long, and what it loads stays with it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (the group's interface)
        """Return the names, as the help lists them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (the group's interface)
        """Load one; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"app.cli.{module}"), name)
        return command


@click.group(cls=Commands)
def main() -> None:
    """Run and look after Countersign."""
