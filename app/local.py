"""`countersign run`: everything on this machine under one command, for trying out and for development.

Secrets are made on the first run and kept, with the data, in `var/`, and with all other settings that our commands need
to work on the same installation.
"""

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from dotenv import dotenv_values

from app.config import Settings, require_database
from app.domain.errors import Unauthorized
from app.extensions import db
from app.foundation import create_foundation
from app.migration import upgrade
from app.schema import MIGRATIONS
from app.services import api_keys, projects
from app.stack import HOST, LOCAL_API_KEY, Ports

#: Where a run keeps what it made up, for the next one and for the shell.
SECRETS_FILE = Path("var/local.env")


class CannotRun(Exception):
    """The stack cannot be started; the message says what to do."""


def run(ports: Ports) -> NoReturn:
    """Become the API, the signing service and the worker, which end together or at Ctrl-C (status 0).

    Raises CannotRun, SettingsError, and WrongSchema when a newer version has used the database.
    """
    if ports.api == ports.signer != 0:
        raise CannotRun("The API and the signing service cannot listen on the same port.")
    for name, port in (("API", ports.api), ("signing service", ports.signer)):
        _require_free(name, port)
    command = [sys.executable, "-m", "app.stack", str(ports.api), str(ports.signer)]
    # Not a child: what only the preparation needs would stay in memory for as long as they run.
    os.execve(sys.executable, command, prepare(ports))  # noqa: S606 (our own)


def prepare(ports: Ports) -> dict[str, str]:
    """Make what is missing (secrets, database, first project and key); return the environment of the processes."""
    # Nobody else may read what is written there: names, addresses and signing links.
    SECRETS_FILE.parent.mkdir(mode=0o700, exist_ok=True)
    kept = _load_or_make_secrets()
    settings = _settings(ports, kept)
    environment = {"PYTHONUNBUFFERED": "1", **settings, **os.environ}
    environment[LOCAL_API_KEY] = _prepare_database(environment, kept.get(LOCAL_API_KEY, ""))
    _keep(kept | settings | {LOCAL_API_KEY: environment[LOCAL_API_KEY]})
    return environment


def _settings(ports: Ports, kept: Mapping[str, str]) -> dict[str, str]:
    signer = f"http://{HOST}:{ports.signer}"
    return {
        "PUBLIC_URL": f"http://{HOST}:{ports.api}",
        "SIGNING_PROVIDER_URL": f"{signer}/signing-request-api",
        "SIGNING_PROVIDER_API_KEY": kept["SIGNER_API_KEYS"],
        "SIGNING_PROVIDER_WEBHOOK_SECRETS": kept["SIGNER_WEBHOOK_SECRET"],
        "SIGNER_API_KEYS": kept["SIGNER_API_KEYS"],
        "SIGNER_WEBHOOK_SECRET": kept["SIGNER_WEBHOOK_SECRET"],
        "SIGNER_WEBHOOK_URL": f"http://{HOST}:{ports.api}/hooks/signing-provider",
        "SIGNER_PUBLIC_URL": signer,
        "WEBHOOK_ALLOW_INSECURE": "1",
        "LOG_FORMAT": "console",
    }


def _load_or_make_secrets() -> dict[str, str]:
    kept = {name: value for name, value in dotenv_values(SECRETS_FILE).items() if value}
    made = {name: secrets.token_hex(32) for name in ("SIGNER_API_KEYS", "SIGNER_WEBHOOK_SECRET")}
    return made | kept


def _prepare_database(environment: Mapping[str, str], key: str) -> str:
    """Migrate, and return a working key: the one given, or one of a new project."""
    database_url = environment.get("DATABASE_URL", Settings.database_url)
    require_database("DATABASE_URL", database_url)
    app = create_foundation(Settings(database_url=database_url, log_level="error"))
    with app.app_context():
        upgrade(db.engine, MIGRATIONS, place="DATABASE_URL")
        try:
            api_keys.authenticate(key)
        except Unauthorized:
            project = projects.create("Local")
            key = api_keys.create(project.id, name="made by countersign run").clear_text
        db.engine.dispose()
    return key


def _keep(values: Mapping[str, str]) -> None:
    temporary = SECRETS_FILE.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    temporary.replace(SECRETS_FILE)


def _require_free(name: str, port: int) -> None:
    with socket.socket() as probe:
        # As gunicorn does: a port that is only waiting out its last connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CannotRun(
                f"Port {port} on {HOST}, where the {name} should listen, is in use by another program."
                " Stop it first (is Countersign running already?)."
            ) from error
