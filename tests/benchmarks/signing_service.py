"""What the figures about the bundled signing service are measured on: the service under gunicorn, and people at it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from app.signer.page_forms import ADOPTED, Ink
from app.signer.page_guard import LINK_COOKIE, form_key
from tests.benchmarks.load import HOST, request
from tests.signer.service import API_KEY, REQUESTS, make_body
from tests.soak.stack import Process, free_ports, wait_until_answers

TIMEOUT = 60


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A signature that somebody was asked for: the link's token, the person's page, and the fields."""

    envelope_id: str
    token: str
    page: str
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SigningService:
    """The service while it runs. `pid` is gunicorn's, whose children are the rest of it."""

    port: int
    pid: int

    def ask(self, document: bytes) -> Signature:
        """Have a signature asked for, and open the document."""
        body = make_body(pdf=document, settings={"send_signing_email": False, "send_finish_email": False})
        answer = self._call("POST", f"{REQUESTS}/create-and-send", json=body, headers={"Authorization": API_KEY})
        created = answer.json()
        token = created["first_signer"]["signing_link"].rpartition("/")[2]
        opened = self._call("POST", f"/signing/{token}/open", data={"form_key": form_key(token)})
        fields = tuple(field["id"] for field in created["fields"])
        return Signature(envelope_id=created["id"], token=token, page=opened.headers["Location"], fields=fields)

    def sign(self, wanted: Signature) -> None:
        """Sign, which has the document sealed soon."""
        form = {"form_key": form_key(wanted.token), "consent": "yes", Ink.SIGNATURE.input_name: "typed:Ana Ruiz"}
        form |= {f"field.{field}": ADOPTED for field in wanted.fields}
        self._call("POST", f"{wanted.page}/finish", data=form, cookies={LINK_COOKIE: wanted.token})

    def is_sealed(self, wanted: Signature) -> bool:
        """Whether the document is sealed."""
        answer = self._call("GET", f"{REQUESTS}/{wanted.envelope_id}", headers={"Authorization": API_KEY})
        return answer.json()["final_document_download_url"] is not None

    def look_at(self, wanted: Signature, page: int) -> bytes:
        """Return the bytes of a request for a page's picture."""
        return request("GET", f"{wanted.page}/pages/{page}.png", headers={"Cookie": f"{LINK_COOKIE}={wanted.token}"})

    def _call(self, method: str, path: str, **options: object) -> requests.Response:
        url = f"http://{HOST}:{self.port}{path}"
        answer = requests.request(method, url, timeout=TIMEOUT, allow_redirects=False, **options)  # type: ignore[arg-type]
        assert answer.status_code < 400, f"{answer.status_code} for {method} {path.partition('?')[0]}"
        return answer


@contextmanager
def signing_service(*, workers: int) -> Iterator[SigningService]:
    """Run the service with so many processes."""
    with TemporaryDirectory(prefix="countersign-signer-") as name:
        folder = Path(name)
        environment = {
            "SIGNER_API_KEYS": API_KEY,
            "SIGNER_DATABASE_URL": f"sqlite:///{folder / 'signer.db'}",
            "SIGNER_STORAGE_URL": f"file:{folder / 'storage'}",
            "SIGNER_CERTIFICATE": str(folder / "seal.p12"),
            "LOG_LEVEL": "error",
        }
        with served(
            "app.signer:create_signer()", environment, folder=folder, path="/health", workers=workers
        ) as running:
            port, process = running
            yield SigningService(port=port, pid=process.pid)


@contextmanager
def served(
    app: str,
    environment: dict[str, str],
    *,
    folder: Path,
    path: str,
    workers: int,
    config: str = "app/signer/gunicorn.py",
) -> Iterator[tuple[int, Process]]:
    """Serve a WSGI app as the README says of the signing service; yield the port and gunicorn's process."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "gunicorn", "-c", config, "-w", str(workers)]
    command += ["-b", f"{HOST}:{port}", "--log-level", "warning", app]
    process = Process(app.partition(":")[0], command, environment, folder)
    try:
        process.start()
        wait_until_answers(f"http://{HOST}:{port}{path}")
        yield port, process
    finally:
        process.stop()
