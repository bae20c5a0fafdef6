"""The API, the signing service and the worker under one command: `python -m app.stack API_PORT SIGNER_PORT`.

`countersign run` becomes this once everything is prepared (app/local.py).
"""

import gc
import http.client
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from app.processes import Member, attend, fork_each

HOST = "127.0.0.1"

#: The key that is printed, and that `make demo` uses.
LOCAL_API_KEY = "COUNTERSIGN_LOCAL_API_KEY"

SECONDS_TO_START = 60

#: Loaded once for all of them: what at least two need, and they could do without loading anything else. Nothing that
#: loads prometheus_client, for the API's gunicorn names the folder it counts in first.
SHARED = (
    "app.worker",
    "flask_sqlalchemy",
    "sqlalchemy.dialects.sqlite",
    "gunicorn.app.wsgiapp",
    "gunicorn.arbiter",
    "requests",
)


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the two HTTP servers listen, on the loopback address."""

    api: int = 8000
    signer: int = 8001


def main() -> int:
    """Run the three until one of them ends, or until Ctrl-C; return the status to exit with."""
    ports = Ports(api=int(sys.argv[1]), signer=int(sys.argv[2]))
    members = [Member.parse(text) for text in sys.argv[3:]]
    if not members:
        _start(ports)
    threading.Thread(target=_announce, args=(ports, os.environ[LOCAL_API_KEY]), daemon=True).start()
    return attend(members)


def _start(ports: Ports) -> NoReturn:
    for module in SHARED:
        import_module(module)
    # What garbage collection does not look through it does not write to, and unwritten memory is one for all.
    gc.collect()
    gc.freeze()
    members = fork_each(_commands(ports))
    # From here on this process only attends: what was loaded for the others need not stay in its own memory.
    os.execv(sys.executable, [sys.executable, "-m", "app.stack", *sys.argv[1:], *map(str, members)])  # noqa: S606 (ours)


def _commands(ports: Ports) -> Mapping[str, Sequence[str]]:
    root = Path(__file__).parent.parent
    gunicorn = ("gunicorn", "--log-level", "warning", "--no-control-socket", "--pythonpath", str(root))
    api, signer = str(root / "app/gunicorn.py"), str(root / "app/signer/gunicorn.py")
    return {
        "api": (*gunicorn, "-c", api, "-b", f"{HOST}:{ports.api}", "wsgi:app"),
        "signer": (*gunicorn, "-c", signer, "-w", "1", "-b", f"{HOST}:{ports.signer}", "app.signer:create_signer()"),
        "worker": ("app.cli", "worker"),
    }


def _announce(ports: Ports, key: str) -> None:
    addresses = [(ports.api, "/v1/health"), (ports.signer, "/health")]
    deadline = time.monotonic() + SECONDS_TO_START
    while not all(_answers(port, path) for port, path in addresses):
        if time.monotonic() > deadline:
            return
        time.sleep(0.2)
    print(_welcome(ports, key), flush=True)  # noqa: T201 (this is the command's output)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


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


if __name__ == "__main__":
    sys.exit(main())
