"""The floor: what these jobs cost at the least, as a bare WSGI app with the standard library.

It has no keys, no validation, no state machine and no error handling, but it commits as often and as durably, and it
makes the same call of the signing service. `gunicorn -c app/gunicorn.py tests.benchmarks.floor:app`, with FLOOR_FOLDER
and FLOOR_PROVIDER_PORT in the environment.
"""

import base64
import http.client
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, created_at TEXT NOT NULL, status TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
    provider_id TEXT
);
CREATE INDEX IF NOT EXISTS ix_requests_created_at ON requests (created_at);
"""
COLUMNS = ("id", "created_at", "status", "name", "email", "provider_id")
SELECT = "SELECT id, created_at, status, name, email, provider_id FROM requests"
PAGE = 50

FOLDER = Path(os.environ["FLOOR_FOLDER"])
PROVIDER_PORT = int(os.environ["FLOOR_PROVIDER_PORT"])

_local = threading.local()


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Create a request, read one, or list the newest fifty."""
    path = environ["PATH_INFO"]
    if environ["REQUEST_METHOD"] == "POST":
        status, answer = "201 Created", _create(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    elif path == "/requests":
        status, answer = "200 OK", _list()
    else:
        status, answer = "200 OK", _read(path.removeprefix("/requests/"))
    content = json.dumps(answer).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]


def _create(body: bytes) -> dict[str, Any]:
    asked = json.loads(body)
    request_id = str(uuid4())
    created_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    name, email = asked["name"], asked["recipients"][0]["email"]
    _write("INSERT INTO requests VALUES (?, ?, 'creating', ?, ?, NULL)", request_id, created_at, name, email)
    document = base64.b64encode((FOLDER / "document.pdf").read_bytes()).decode()
    provider_id = _send(json.dumps({**asked, "description": request_id, "document": document}))["id"]
    _write("UPDATE requests SET status = 'sent', provider_id = ? WHERE id = ?", provider_id, request_id)
    return _shown((request_id, created_at, "sent", name, email, provider_id))


def _read(request_id: str) -> dict[str, Any]:
    return _shown(_connection().execute(f"{SELECT} WHERE id = ?", (request_id,)).fetchone())


def _list() -> dict[str, Any]:
    rows = _connection().execute(f"{SELECT} ORDER BY created_at DESC LIMIT {PAGE}").fetchall()
    return {"requests": [_shown(row) for row in rows]}


def _shown(row: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(COLUMNS, row, strict=True))


def _write(statement: str, *values: str) -> None:
    connection = _connection()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(statement, values)
    connection.execute("COMMIT")


def _connection() -> sqlite3.Connection:
    if not hasattr(_local, "connection"):
        connection = _local.connection = sqlite3.connect(FOLDER / "floor.db", timeout=10, isolation_level=None)
        # As in `app/extensions.py`.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(SCHEMA)
    return _local.connection


def _send(body: str) -> dict[str, Any]:
    if not hasattr(_local, "provider"):
        _local.provider = http.client.HTTPConnection("127.0.0.1", PROVIDER_PORT, timeout=60)
    path = "/signing-request-api/signing-requests/create-and-send"
    _local.provider.request("POST", path, body, {"Content-Type": "application/json"})
    return json.loads(_local.provider.getresponse().read())
