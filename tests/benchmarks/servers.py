"""What the figures about the API are measured on: an installation under gunicorn, and the floor under the same one."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from app.api.deps import EXTENSION
from app.config import Settings
from app.extensions import db
from app.factory import create_app
from app.services import api_keys, projects, renders
from tests import databases
from tests.benchmarks import provider
from tests.benchmarks.load import HOST, drive, request
from tests.builders.sized import padded_pdf
from tests.callers import make_body
from tests.soak.stack import Process, free_ports, wait_until_answers

DOCUMENT_BYTES = 30 * 1024

_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The floor while it runs."""

    port: int

    def create(self) -> bytes:
        """Return the bytes of a request that creates."""
        return request("POST", "/requests", body=json.dumps(make_body("")).encode())

    def read(self, request_id: str) -> bytes:
        """Return the bytes of a request that reads."""
        return request("GET", f"/requests/{request_id}")

    def list(self) -> bytes:
        """Return the bytes of a request for the newest fifty."""
        return request("GET", "/requests")


@dataclass(frozen=True, kw_only=True)
class Site:
    """A prepared installation: migrated, with a project, its key and a render."""

    folder: Path
    environment: dict[str, str]
    project_id: UUID
    render_id: UUID
    key: str

    def create(self, *, key: str | None = None) -> bytes:
        """Return the bytes of a create with an idempotency key, a fresh one unless it is given."""
        headers = {**self._headers, "Idempotency-Key": key or f"order-{next(_numbers)}"}
        body = json.dumps(make_body(str(self.render_id), recipients=[provider.PERSON])).encode()
        return request("POST", "/v1/signatures", body=body, headers=headers)

    def read(self, request_id: str) -> bytes:
        """Return the bytes of a get."""
        return request("GET", f"/v1/signatures/{request_id}", headers=self._headers)

    def list(self) -> bytes:
        """Return the bytes of a list of fifty."""
        return request("GET", "/v1/signatures?limit=50", headers=self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@contextmanager
def floor(provider_port: int) -> Iterator[Floor]:
    """Run the floor on the API's own gunicorn settings."""
    with TemporaryDirectory(prefix="countersign-floor-") as name:
        folder = Path(name)
        (folder / "document.pdf").write_bytes(padded_pdf(DOCUMENT_BYTES))
        environment = {"FLOOR_FOLDER": name, "FLOOR_PROVIDER_PORT": str(provider_port)}
        with serving("tests.benchmarks.floor:app", environment, folder=folder, path="/requests") as (port, _):
            running = Floor(port=port)
            drive(port, [running.create()] * 50)
            yield running


@contextmanager
def site(provider_port: int, *, document_bytes: int = DOCUMENT_BYTES) -> Iterator[Site]:
    """Prepare an installation that nothing serves yet."""
    with TemporaryDirectory(prefix="countersign-bench-") as name:
        folder = Path(name)
        template = databases.template(folder)
        with template.copy(folder) as database_url:
            settings = Settings(database_url=database_url, storage_url=f"file:{folder / 'storage'}", log_level="error")
            app = create_app(settings)
            with app.app_context():
                project_id = projects.create("Benchmark").id
                render, _ = renders.upload(
                    padded_pdf(document_bytes),
                    project_id=project_id,
                    idempotency_key=None,
                    deps=app.extensions[EXTENSION],
                )
                key = api_keys.create(project_id).clear_text
                db.engine.dispose()
            environment = {
                "DATABASE_URL": database_url,
                "STORAGE_URL": settings.storage_url,
                "SIGNING_PROVIDER_URL": f"http://{HOST}:{provider_port}/signing-request-api",
                "SIGNING_PROVIDER_API_KEY": provider.KEY,
            }
            yield Site(folder=folder, environment=environment, project_id=project_id, render_id=render.id, key=key)
        template.drop()


def gunicorn(app: str, port: int) -> list[str]:
    """Return the command that serves a WSGI app, as in the README."""
    command = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn.py", "-b", f"{HOST}:{port}"]
    return [*command, "--log-level", "warning", app]


@contextmanager
def serving(app: str, environment: dict[str, str], *, folder: Path, path: str) -> Iterator[tuple[int, Process]]:
    """Serve a WSGI app as the README says, and wait until it does; yield the port and gunicorn's process."""
    (port,) = free_ports(1)
    process = Process(app.partition(":")[0], gunicorn(app, port), environment, folder)
    try:
        process.start()
        wait_until_answers(f"http://{HOST}:{port}{path}")
        yield port, process
    finally:
        process.stop()


@contextmanager
def api(of: Site) -> Iterator[tuple[int, Process]]:
    """Serve the API of an installation; yield the port and gunicorn's process."""
    with serving("wsgi:app", of.environment, folder=of.folder, path="/v1/health") as running:
        yield running
