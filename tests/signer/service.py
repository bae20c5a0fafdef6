"""The real signing service around a folder of its own, and people who use it."""

import base64
import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.config import SignerSettings
from app.pdf.sandbox import Sandbox
from app.signer.ceremony import Ceremony, CeremonyView, Client
from app.signer.dependencies import Dependencies
from app.signer.factory import build_signer
from tests.builders.pdfs import make_pdf

API_KEY = "key-of-the-api-0123456789"
PUBLIC_URL = "https://signer.test"
REQUESTS = "/signing-request-api/signing-requests"
CLIENT = Client(ip="192.0.2.7", user_agent="Test browser")


def make_settings(folder: Path, **overrides: Any) -> SignerSettings:
    values: dict[str, Any] = {
        "database_url": f"sqlite:///{folder / 'signer.db'}",
        "storage_url": f"file:{folder / 'storage'}",
        "public_url": PUBLIC_URL,
        "api_keys": (API_KEY,),
        "mail_folder": folder / "mail",
        "certificate": folder / "seal.p12",
    }
    return SignerSettings(**(values | overrides))


def make_recipient(number: int = 1, **overrides: Any) -> dict[str, Any]:
    return {
        "id": f"temp_{number}",
        "first_name": f"Person{number}",
        "last_name": "Tester",
        "email": f"person{number}@example.test",
        "designation": "Signer",
        "order": number,
    } | overrides


def make_field(recipient: int = 1, **overrides: Any) -> dict[str, Any]:
    return {
        "recipient_id": f"temp_{recipient}",
        "type": "signature",
        "page_number": 1,
        "position": {"x": 10.0, "y": 60.0 + recipient, "width": 30.0, "height": 5.0},
        "required": True,
    } | overrides


def make_anchor(recipient: int = 1, **overrides: Any) -> dict[str, Any]:
    return {
        "anchor_string": "{{SIGN_1}}",
        "type": "signature",
        "recipient_id": f"temp_{recipient}",
        "match_whole_word": False,
    } | overrides


def make_body(**overrides: Any) -> dict[str, Any]:
    """Build the body of create-and-send: one signer, one signature. `pdf` stands for the document's bytes."""
    pdf = overrides.pop("pdf", None) or make_pdf()
    return {
        "name": "Lease of the harbour office",
        "document": base64.b64encode(pdf).decode(),
        "recipients": [make_recipient()],
        "fields": [make_field()],
    } | overrides


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service: what the API sees of it, and what people do with it."""

    app: Flask
    settings: SignerSettings

    @property
    def parts(self) -> Dependencies:
        parts: Dependencies = self.app.extensions["signer"]
        return parts

    @property
    def ceremony(self) -> Ceremony:
        return self.parts.ceremony

    def call(self, method: str, path: str, **arguments: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {API_KEY}"} | arguments.pop("headers", {})
        return self.app.test_client().open(path, method=method, headers=headers, **arguments)

    def create(self, **overrides: Any) -> TestResponse:
        return self.call("POST", f"{REQUESTS}/create-and-send", json=make_body(**overrides))

    def send(self, **overrides: Any) -> str:
        """Create an envelope, mail it, and return its id."""
        answer = self.create(**overrides)
        assert answer.status_code == 201, answer.json
        self.work()
        return str(answer.json["id"])

    def detail(self, envelope_id: str) -> Any:
        return self.call("GET", f"{REQUESTS}/{envelope_id}").json

    def get(self, envelope_id: str, rest: str) -> TestResponse:
        return self.call("GET", f"{REQUESTS}/{envelope_id}/{rest}")

    def cancel(self, envelope_id: str, **body: Any) -> TestResponse:
        return self.call("POST", f"{REQUESTS}/{envelope_id}/cancel", json=body)

    def fetch(self, url: str) -> TestResponse:
        """Follow a link of the service as anybody could: without the key."""
        assert url.startswith(PUBLIC_URL)
        return self.app.test_client().get(url.removeprefix(PUBLIC_URL))

    def work(self) -> int:
        """Do all background work that is due."""
        return self.parts.jobs.run_pending()

    def page_image(self, token: str, page: int) -> bytes:
        """Return a page as the person behind the link gets it."""
        return self.ceremony.page_image(self.ceremony.show(token), page)

    def document_texts(self, token: str) -> bytes:
        """Return the pages' texts as the person behind the link gets them."""
        return self.ceremony.document_texts(self.ceremony.show(token))

    def mails(self, to: str | None = None) -> list[EmailMessage]:
        """Return the mails written so far, oldest first."""
        files = sorted(self.settings.mail_folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        messages = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
        return [message for message in messages if to is None or to in str(message["To"])]

    def token(self, number: int = 1) -> str:
        """Return the token of the newest signing link that was mailed to this person."""
        bodies = [text_of(message) for message in self.mails(f"person{number}@example.test")]
        tokens = [found[1] for body in bodies if (found := re.search(r"/signing/(\S+)", body))]
        return tokens[-1]

    def sign(self, number: int = 1, **values: str) -> CeremonyView:
        """Open and finish as this person, with something fitting in every field; `values` are by field type."""
        token = self.token(number)
        view = self.ceremony.open(token, CLIENT)
        entered = {field.id: values.get(field.type, FITTING[field.type]) for field in view.fields}
        view = self.ceremony.finish(token, values=entered, consent=True, client=CLIENT)
        self.work()
        return view


FITTING = {
    "signature": "typed:Ana Ruiz",
    "initial": "typed:AR",
    "approval_signature": "typed:Ana Ruiz",
    "approval_checkmark": "true",
    "checkbox": "true",
    "date": "2026-06-05",
    "text": "Harbour 7",
    "text_area": "Two\nlines",
}


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def make_service(folder: Path, sandbox: Sandbox, **overrides: Any) -> Service:
    settings = make_settings(folder, **overrides)
    return Service(app=build_signer(settings, sandbox=sandbox), settings=settings)
