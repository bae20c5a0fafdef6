"""`countersign run`: everything on this machine under one command, for trying out and for development.

Secrets are made on the first run and kept, with the data, in `var/`.
"""

import os
import secrets
import shlex
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import requests
from dotenv import dotenv_values
from honcho.manager import Manager

from app.config import Settings
from app.domain.errors import Unauthorized
from app.extensions import db
from app.foundation import create_foundation
from app.migration import upgrade
from app.schema import MIGRATIONS
from app.services import api_keys, projects

HOST = "127.0.0.1"

#: Where the first run keeps what it made up.
SECRETS_FILE = Path("var/local.env")

#: The key that is printed, and that `make demo` uses.
LOCAL_API_KEY = "COUNTERSIGN_LOCAL_API_KEY"

SECONDS_TO_START = 60

#: How the processes end at Ctrl-C and at SIGTERM.
STOPPED_ON_PURPOSE = (130, 143)


class CannotRun(Exception):
    """The stack cannot be started; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the two HTTP servers listen, on the loopback address."""

    api: int = 8000
    signer: int = 8001


def run(ports: Ports) -> int:
    """Start the API, the signing service and the worker; return when one of them ends, or at Ctrl-C (status 0).

    Raises CannotRun, SettingsError, and WrongSchema when a newer version has used the database.
    """
    for name, port in (("API", ports.api), ("signing service", ports.signer)):
        _require_free(name, port)
    environment = prepare(ports)
    manager = Manager()
    for name, command in _commands(ports).items():
        manager.add_process(name, f"exec {command}", env=environment)
    ready = threading.Thread(target=_announce, args=(ports, environment[LOCAL_API_KEY]), daemon=True)
    ready.start()
    manager.loop()
    return 0 if manager.returncode in STOPPED_ON_PURPOSE else int(manager.returncode or 0)


def prepare(ports: Ports) -> dict[str, str]:
    """Make what is missing (secrets, database, first project and key); return the environment of the processes."""
    kept = _load_or_make_secrets()
    environment = {**_defaults(ports, kept), **os.environ}
    environment[LOCAL_API_KEY] = _prepare_database(environment, kept)
    return environment


def _commands(ports: Ports) -> dict[str, str]:
    python = shlex.quote(sys.executable)
    root = Path(__file__).parent.parent
    api, signer = (shlex.quote(str(root / path)) for path in ("app/gunicorn.py", "app/signer/gunicorn.py"))
    gunicorn = f"{python} -m gunicorn --log-level warning --no-control-socket --pythonpath {shlex.quote(str(root))}"
    return {
        "api": f"{gunicorn} -c {api} -b {HOST}:{ports.api} wsgi:app",
        "signer": f"{gunicorn} -c {signer} -w 1 -b {HOST}:{ports.signer} 'app.signer:create_signer()'",
        "worker": f"{python} -m app.cli worker",
    }


def _defaults(ports: Ports, kept: Mapping[str, str]) -> dict[str, str]:
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
        "PYTHONUNBUFFERED": "1",
    }


def _load_or_make_secrets() -> dict[str, str]:
    kept = {name: value for name, value in dotenv_values(SECRETS_FILE).items() if value}
    missing = [name for name in ("SIGNER_API_KEYS", "SIGNER_WEBHOOK_SECRET") if name not in kept]
    if missing:
        kept |= {name: secrets.token_hex(32) for name in missing}
        _keep(kept)
    return kept


def _prepare_database(environment: Mapping[str, str], kept: dict[str, str]) -> str:
    """Migrate, and return a working key of the first project."""
    database_url = environment.get("DATABASE_URL", Settings.database_url)
    app = create_foundation(Settings(database_url=database_url, log_level="error"))
    with app.app_context():
        upgrade(db.engine, MIGRATIONS, place="DATABASE_URL")
        key = kept.get(LOCAL_API_KEY, "")
        try:
            api_keys.authenticate(key)
        except Unauthorized:
            project = projects.create("Local")
            key = api_keys.create(project.id, name="made by countersign run").clear_text
            _keep(kept | {LOCAL_API_KEY: key})
    return key


def _keep(values: Mapping[str, str]) -> None:
    SECRETS_FILE.parent.mkdir(parents=True, exist_ok=True)
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


def _announce(ports: Ports, key: str) -> None:
    addresses = [f"http://{HOST}:{ports.api}/v1/health", f"http://{HOST}:{ports.signer}/health"]
    deadline = time.monotonic() + SECONDS_TO_START
    while not all(_answers(address) for address in addresses):
        if time.monotonic() > deadline:
            return
        time.sleep(0.2)
    print(_welcome(ports, key), flush=True)  # noqa: T201 (this is the command's output)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).ok
    except requests.RequestException:
        return False


def _welcome(ports: Ports, key: str) -> str:
    api = f"http://{HOST}:{ports.api}"
    return f"""
Countersign is running. Stop it with Ctrl-C; your data stays in var/.

  API       {api}/v1
  API key   {key}
  Mail      each message is a file in var/mail/, and its signing link is in this log

Upload a PDF of yours, and send it out for signature:

  curl -s {api}/v1/renders -H "Authorization: Bearer {key}" \\
    -H "Content-Type: application/pdf" --data-binary @contract.pdf

  curl -s {api}/v1/signatures -H "Authorization: Bearer {key}" \\
    -H "Content-Type: application/json" -H "Idempotency-Key: my-first-contract" -d '{{
      "renderId": "PUT THE id OF THE FIRST ANSWER HERE",
      "recipients": [{{"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com"}}],
      "fields": [{{"recipientIndex": 0, "type": "signature", "page": 1, "x": 10, "y": 80, "width": 30, "height": 8}}]
    }}'

Or see the whole job done, in another terminal: make demo
"""
