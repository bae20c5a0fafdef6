"""Runs the signing service on this machine, sends an envelope over its protocol and reads the mails it writes."""

import base64
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import requests
from flask import Flask
from fpdf import FPDF
from sqlalchemy import update
from werkzeug.serving import make_server

from app.config import SignerSettings
from app.domain import clock
from app.signer.factory import build_signer
from app.signer.models import Envelope

API_KEY = "e2e-key-of-the-signing-desk"
DOCUMENT_NAME = "Services agreement"
TERMS = (
    "The contractor delivers the services described in the annex with reasonable care and skill. "
    "The client pays the fees set out below within thirty days of each invoice. "
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A field to ask for: percent of the page; `recipient` counts from 1."""

    type: str
    page: int
    x: float
    y: float
    width: float
    height: float
    recipient: int = 1
    required: bool = True
    options: tuple[str, ...] = ()
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class SigningDesk:
    """A running service."""

    app: Flask
    url: str
    mail_folder: Path

    def send(
        self,
        places: Sequence[Place],
        *,
        signers: Sequence[str] = ("Jane Doe",),
        designations: Mapping[str, str] = MappingProxyType({}),
        document: bytes | None = None,
        needs_code: bool = False,
    ) -> str:
        """Create an envelope and send it; return its id. The address of `Jane Doe` is `jane@example.com`."""
        body = {
            "name": DOCUMENT_NAME,
            "document": base64.b64encode(document or make_agreement()).decode(),
            "expiration_hours": 168,
            "recipients": [
                {
                    "id": f"temp_{number}",
                    "first_name": name.split()[0],
                    "last_name": name.split()[1],
                    "email": address_of(name),
                    "designation": designations.get(name, "Signer"),
                    "order": number,
                }
                for number, name in enumerate(signers, start=1)
            ],
            "fields": [_field(place) for place in places],
            "settings": {
                "use_signing_order": True,
                "send_signing_email": True,
                "require_otp_verification": needs_code,
            },
        }
        response = self._call("POST", "/signing-requests/create-and-send", json=body)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def audit_events(self, envelope_id: str) -> list[str]:
        """Return the names of everything that happened, in order."""
        return [
            entry["event"] for entry in self._call("GET", f"/signing-requests/{envelope_id}/audit").json()["results"]
        ]

    def users(self, envelope_id: str) -> list[dict[str, Any]]:
        """Return how far each person is."""
        return list(self._call("GET", f"/signing-requests/{envelope_id}/users").json()["results"])

    def answers(self, envelope_id: str, name: str) -> list[tuple[str, str | None]]:
        """Return the kind and the value of each field of this person, in the order they were asked for."""
        [person] = [user["id"] for user in self.users(envelope_id) if user["name"] == name]
        found = self._call("GET", f"/signing-requests/{envelope_id}/fields").json()["results"]
        return [(field["type"], field["value"]) for field in found if field["recipient_id"] == person]

    def cancel(self, envelope_id: str) -> None:
        """End it from the API's side."""
        assert self._call("POST", f"/signing-requests/{envelope_id}/cancel").status_code == 200

    def expire(self, envelope_id: str) -> None:
        """Let the envelope's time pass."""
        self.expire_at(envelope_id, clock.utcnow() - timedelta(seconds=1))

    def expire_at(self, envelope_id: str, moment: datetime) -> None:
        """Change until when the envelope is open."""
        with self.app.extensions["signer"].database.unit_of_work() as session:
            session.execute(update(Envelope).where(Envelope.id == UUID(envelope_id)).values(expires_at=moment))

    def mails_to(self, name: str) -> list[EmailMessage]:
        """Return what this person was written, oldest first."""
        self.work()
        messages = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in self._mail_files()]
        return [message for message in messages if address_of(name) in message["To"]]

    def link_for(self, name: str) -> str:
        """Return the signing link in the newest mail to this person."""
        self.work()
        for path in reversed(self._mail_files()):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            link = re.search(rf"{re.escape(self.url)}/signing/\S+", message.get_body(("plain",)).get_content())
            if link and address_of(name) in message["To"]:
                return link[0]
        raise AssertionError(f"No mail to {name}.")

    def work(self) -> None:
        """Do what is due: mails, seals. In a thread of its own, as in the service: Playwright's has an event loop."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(self.app.extensions["signer"].jobs.run_pending).result()

    def _mail_files(self) -> list[Path]:
        return sorted(self.mail_folder.iterdir())

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": API_KEY}
        return requests.request(method, f"{self.url}/signing-request-api{path}", headers=headers, timeout=30, **options)


@contextmanager
def open_desk(folder: Path) -> Iterator[SigningDesk]:
    """Start the service on a free port of this machine, and stop it in the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        mail_folder = folder / "mail"
        app = build_signer(
            SignerSettings(
                api_keys=(API_KEY,),
                database_url=f"sqlite:///{folder}/signer.db",
                storage_url=f"file:{folder}/storage",
                public_url=url,
                mail_folder=mail_folder,
                certificate=folder / "seal.p12",
            ),
        )
        port = listener.getsockname()[1]
        server = make_server("127.0.0.1", port, app, threaded=True, fd=listener.fileno())
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield SigningDesk(app=app, url=url, mail_folder=mail_folder)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            app.extensions["signer"].database.engine.dispose()


def address_of(name: str) -> str:
    """Return the mail address of a person in these tests."""
    return f"{name.split(maxsplit=1)[0].lower()}@example.com"


def make_agreement() -> bytes:
    """Build a contract of two pages, the second with lines to sign on."""
    pdf = FPDF(format="A4", unit="pt")
    pdf.set_margin(64)
    pdf.add_page()
    pdf.set_font("Times", "B", 20)
    pdf.cell(0, 32, DOCUMENT_NAME, new_x="LMARGIN", new_y="NEXT")
    for number in range(1, 7):
        pdf.set_font("Times", "B", 12)
        pdf.cell(0, 26, f"{number}. Terms", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Times", "", 11)
        pdf.multi_cell(0, 15, TERMS * 2, new_x="LMARGIN", new_y="NEXT")
    pdf.add_page()
    pdf.set_font("Times", "B", 14)
    pdf.cell(0, 30, "Signatures", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Times", "", 11)
    for label, x, y in LABELS:
        pdf.text(x * pdf.w / 100, y * pdf.h / 100, label)
    return bytes(pdf.output())


LABELS = (
    ("Signature", 11, 22.5),
    ("Date", 60, 22.5),
    ("Company", 11, 34.5),
    ("Billing", 60, 34.5),
    ("I have received the annex", 16, 45.2),
    ("Pay by transfer", 16, 51.2),
    ("Pay by card", 46, 51.2),
    ("Notes", 11, 57.5),
    ("Signature for the annex", 60, 75.5),
)

#: One field of each kind, where the agreement has room for it.
EVERY_KIND = (
    Place(type="initial", page=1, x=82, y=92, width=10, height=5),
    Place(type="signature", page=2, x=11, y=23, width=28, height=6),
    Place(type="date", page=2, x=60, y=23, width=22, height=3),
    Place(type="text", page=2, x=11, y=35, width=32, height=3),
    Place(type="dropdown", page=2, x=60, y=35, width=24, height=3, options=("Monthly", "Quarterly")),
    Place(type="checkbox", page=2, x=11, y=43, width=3, height=3),
    Place(type="radio_buttons", page=2, x=11, y=49, width=3, height=3, group="6f9619ff-8b86-4011-b42d-00c04fc964ff"),
    Place(type="radio_buttons", page=2, x=41, y=49, width=3, height=3, group="6f9619ff-8b86-4011-b42d-00c04fc964ff"),
    Place(type="text_area", page=2, x=11, y=58, width=50, height=9, required=False),
    Place(type="signature", page=2, x=60, y=76, width=28, height=6),
)
SECOND_SIGNATURE = Place(type="signature", page=2, x=11, y=88, width=28, height=6, recipient=2)
SIGNATURE_ONLY = (Place(type="signature", page=1, x=11, y=80, width=28, height=6),)


def _field(place: Place) -> dict[str, Any]:
    field: dict[str, Any] = {
        "recipient_id": f"temp_{place.recipient}",
        "type": place.type,
        "page_number": place.page,
        "position": {"x": place.x, "y": place.y, "width": place.width, "height": place.height},
        "required": place.required,
    }
    if place.options:
        field["dropdown_options"] = list(place.options)
    if place.group:
        field["multi_group_id"] = place.group
    return field
