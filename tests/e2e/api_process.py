"""The API as gunicorn serves it, against a signing service that fails on demand."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from app.config import Settings
from app.extensions import db
from app.factory import create_app
from tests.callers import make_body, make_caller
from tests.fakes.provider_server import ProviderServer
from tests.soak.stack import Process, free_ports, wait_until_answers


@dataclass
class ApiProcess:
    process: Process
    environment: dict[str, str]
    url: str
    key: str
    render_id: str
    provider: ProviderServer

    def create(self) -> requests.Response | None:
        """Create, always with the same key; None when the server died before it answered."""
        try:
            return requests.post(
                f"{self.url}/v1/signatures",
                json=make_body(self.render_id),
                headers={"Authorization": f"Bearer {self.key}", "Idempotency-Key": "order-12345"},
                timeout=60,
            )
        except requests.ConnectionError:
            return None

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, headers={"Authorization": f"Bearer {self.key}"}, timeout=60)

    def create_calls(self) -> int:
        return sum(len(calls) for calls in self.provider.state()["create_calls"].values())


@contextmanager
def running_api(database_url: str, folder: Path, **environment: str) -> Iterator[ApiProcess]:
    """Start gunicorn on a migrated database, with a project, its key and a render; stop it in the end."""
    (port,) = free_ports(1)
    with ProviderServer() as provider:
        environment = {
            "DATABASE_URL": database_url,
            "STORAGE_URL": f"file:{folder / 'storage'}",
            "SIGNING_PROVIDER_URL": provider.url,
            "SIGNING_PROVIDER_API_KEY": provider.api_key,
            "LOG_LEVEL": "error",
            **environment,
        }
        settings = Settings(database_url=database_url, storage_url=environment["STORAGE_URL"], log_level="error")
        app = create_app(settings)
        caller = make_caller(app)
        render_id = caller.upload()
        with app.app_context():
            db.engine.dispose()
        command = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn.py", "-b", f"127.0.0.1:{port}", "wsgi:app"]
        process = Process("api", command, environment, folder)
        process.start()
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_answers(f"{url}/v1/health")
            yield ApiProcess(process, environment, url, caller.key, render_id, provider)
        finally:
            process.stop()
