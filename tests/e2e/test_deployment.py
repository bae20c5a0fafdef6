"""The README's deployment, done: its environment, its units and its reverse proxy, with other paths and ports."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from io import StringIO
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import urlsplit

import pytest
import requests
from aiosmtpd.controller import Controller
from dotenv import dotenv_values

from tests.builders.pdfs import make_pdf
from tests.callers import make_body
from tests.soak.stack import PROJECT, Process, free_ports, wait_until_answers

pytestmark = [pytest.mark.tools, pytest.mark.processes]

SECTION = (PROJECT / "README.md").read_text().split("## Deployment", 1)[1].split("\n## ", 1)[0]
UNITS = ("countersign-api.service", "countersign-signer.service", "countersign-worker.service")

PDF = {"Content-Type": "application/pdf"}

SECONDS_TO_STOP = 30
SECONDS_TO_MAIL = 30

#: What a program needs of its surroundings, beside the README's environment.
SURROUNDINGS = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


class Mailbox:
    """An SMTP server's handler that keeps what it gets."""

    def __init__(self) -> None:
        self.letters: SimpleQueue[bytes] = SimpleQueue()

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 (the library's name)
        self.letters.put(envelope.content)
        return "250 OK"

    def link(self) -> str:
        """Wait for the letter; return the address in it."""
        letter = message_from_bytes(self.letters.get(timeout=SECONDS_TO_MAIL), policy=policy.default)
        return re.search(r"https://\S+", letter.get_body(("plain",)).get_content())[0]


@dataclass
class Site:
    origin: str
    certificate: Path
    key: str
    mailbox: Mailbox
    processes: list[Process]

    def call(self, method: str, address: str, **kwargs) -> requests.Response:
        """Call an address of the world through the proxy."""
        parts = urlsplit(address)
        return requests.request(
            method,
            f"{self.origin}{parts.path}",
            headers={"Host": parts.netloc, "Authorization": f"Bearer {self.key}", **kwargs.pop("headers", {})},
            verify=str(self.certificate),
            timeout=30,
            **kwargs,
        )


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)


def units() -> dict[str, str]:
    """Return the text of each unit: the first stands there whole, of the others what differs."""
    whole, *differences = blocks("ini")
    texts = [whole]
    for difference in differences:
        text = whole
        for line in difference.splitlines():
            text = re.sub(rf"^{line.partition('=')[0]}=.*$", lambda _, line=line: line, text, flags=re.MULTILINE)
        texts.append(text)
    return dict(zip(UNITS, texts, strict=True))


@dataclass
class Places:
    """Where this test has what the README has elsewhere."""

    folder: Path
    api: int
    signer: int
    proxy: int
    mail: int

    def move(self, text: str) -> str:
        for place, ours in (
            ("/opt/countersign/.venv/bin", str(Path(sys.executable).parent)),
            ("/opt/countersign", str(PROJECT)),
            ("/var/lib/countersign", str(self.folder)),
            ("127.0.0.1:8000", f"127.0.0.1:{self.api}"),
            ("127.0.0.1:8001", f"127.0.0.1:{self.signer}"),
            ("listen 443", f"listen 127.0.0.1:{self.proxy}"),
            ("smtp://user:password@mail.example.com:587", f"smtp://127.0.0.1:{self.mail}"),
            ("FIRST_SECRET", "1" * 64),
            ("SECOND_SECRET", "2" * 64),
        ):
            text = text.replace(place, ours)
        return re.sub(r"/etc/letsencrypt/live/[\w.]+", str(self.folder), text)


def environment_of(places: Places) -> dict[str, str]:
    (text,) = [block for block in blocks("sh") if "DATABASE_URL" in block]
    return SURROUNDINGS | dotenv_values(stream=StringIO(places.move(text)))


@contextmanager
def running_site(places: Places) -> Iterator[Site]:
    """Install, start every unit and the proxy, as the README says."""
    environment = environment_of(places)
    run("countersign", "db", "upgrade", environment=environment)
    project_id = run("countersign", "projects", "create", "Acme", environment=environment)
    key = run("countersign", "keys", "create", project_id, environment=environment)
    mailbox = Mailbox()
    with ExitStack() as exits:
        mail = Controller(mailbox, hostname="127.0.0.1", port=places.mail)
        mail.start()
        exits.callback(mail.stop)
        processes = [
            Process(name, shlex.split(places.move(command_of(unit))), environment, places.folder)
            for name, unit in units().items()
        ]
        certificate = make_certificate(places.folder)
        for process in (*processes, Process("nginx", nginx(places), SURROUNDINGS, places.folder)):
            process.start()
            exits.callback(process.stop)
        wait_until_answers(f"http://127.0.0.1:{places.api}/v1/health")
        wait_until_answers(f"http://127.0.0.1:{places.signer}/health")
        yield Site(f"https://127.0.0.1:{places.proxy}", certificate, key, mailbox, processes)


@pytest.fixture
def places(tmp_path) -> Places:
    return Places(tmp_path, *free_ports(4))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with running_site(Places(tmp_path_factory.mktemp("site"), *free_ports(4))) as site:
        yield site


def run(name: str, *arguments: str, environment: dict[str, str]) -> str:
    """Run one of our commands; return its last line."""
    command = [str(Path(sys.executable).parent / name), *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def command_of(unit: str) -> str:
    return re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)[1]


def make_certificate(folder: Path) -> Path:
    """Make a self-signed certificate for the loopback address."""
    certificate = folder / "fullchain.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / "privkey.pem", "-out", certificate),
        ],
        capture_output=True,
        check=True,
    )
    return certificate


def nginx(places: Places) -> list[str]:
    """Write the README's configuration into a frame; return the command that serves it."""
    (servers,) = blocks("nginx")
    bodies = "".join(
        f"{kind}_temp_path {places.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (places.folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {places.folder}/nginx.pid; error_log stderr; events {{}}"
        f" http {{ access_log off; {bodies} {places.move(servers)} }}"
    )
    return ["/usr/sbin/nginx", "-p", str(places.folder), "-c", str(places.folder / "nginx.conf"), "-e", "stderr"]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_no_fault_with_a_unit(name, places):
    file = places.folder / name
    file.write_text(places.move(units()[name]))

    checked = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_contract_goes_out_through_the_proxy_and_its_signing_page_opens(site):
    render = site.call("POST", "https://api.example.com/v1/renders", data=make_pdf(text="Contract"), headers=PDF).json()

    created = site.call("POST", "https://api.example.com/v1/signatures", json=make_body(render["id"]))

    assert created.status_code == 201, created.text
    assert created.headers["Location"] == f"https://api.example.com/v1/signatures/{created.json()['id']}"
    link = site.mailbox.link()
    assert link.startswith("https://sign.example.com/")
    assert site.call("GET", link).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "https://api.example.com/metrics",
        "https://api.example.com/hooks/signing-provider",
        "https://sign.example.com/signing-request-api/company",
    ],
)
def test_what_is_not_for_the_world_is_not_found_there(site, address):
    assert site.call("GET", address).status_code == 404


def test_every_unit_stops_when_systemd_asks_it_to(places):
    with running_site(places) as site:
        for process in site.processes:
            process.ask_to_stop()

        assert [process.wait(SECONDS_TO_STOP) for process in site.processes] == [0, 0, 0]
