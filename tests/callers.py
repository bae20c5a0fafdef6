"""Callers of the API: a test client that carries a key, and builders of what it sends."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.api.deps import EXTENSION
from app.services import api_keys, projects
from tests.builders.pdfs import make_pdf
from tests.described import DescribedClient

ANCHOR = "{{sign_here}}"

#: The id of nothing.
ABSENT = "0193c2c3-0000-7aaa-8bbb-000000000000"


@dataclass
class Caller:
    client: FlaskClient
    project_id: UUID
    key: str

    def request(self, method: str, path: str, **kwargs: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **kwargs.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, buffered=True, **kwargs)

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("PUT", path, **kwargs)

    def upload(self, content: bytes | None = None) -> str:
        """Upload a PDF and return the render's id."""
        content = make_pdf(text=ANCHOR) if content is None else content
        answer = self.post("/v1/renders", data=content, content_type="application/pdf")
        assert answer.status_code == 201, answer.json
        return answer.json["id"]

    def create(self, *, key: str | None = None, **overrides: Any) -> TestResponse:
        """Send a create request for a fresh render unless the body names one."""
        body = make_body(overrides.pop("renderId", None) or self.upload(), **overrides)
        return self.post("/v1/signatures", json=body, headers={"Idempotency-Key": key} if key else {})

    def created(self, **overrides: Any) -> dict[str, Any]:
        """Create a signature request and return it."""
        answer = self.create(**overrides)
        assert answer.status_code == 201, answer.json
        return answer.json


def make_caller(app: Flask, name: str = "Test") -> Caller:
    """Make a project with a key, and a client that carries it."""
    with app.app_context():
        project = projects.create(name)
        key = api_keys.create(project.id).clear_text
    app.test_client_class = DescribedClient
    return Caller(app.test_client(), project.id, key)


def make_recipient(**overrides: Any) -> dict[str, Any]:
    return {"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com"} | overrides


def make_field(**overrides: Any) -> dict[str, Any]:
    return {"recipientIndex": 0, "type": "signature", "page": 1, "x": 10, "y": 80, "width": 30, "height": 8} | overrides


def make_anchor(**overrides: Any) -> dict[str, Any]:
    return {"anchorString": ANCHOR, "type": "signature", "recipientIndex": 0} | overrides


def make_body(render_id: str, **overrides: Any) -> dict[str, Any]:
    """A valid create body; an override of None leaves the member out."""
    body = {"renderId": render_id, "name": "Charter", "recipients": [make_recipient()], "fields": [make_field()]}
    body |= overrides
    return {name: value for name, value in body.items() if value is not None}


def rewire(app: Flask, **changes: Any) -> None:
    """Replace parts of the outside world of an app that is built already."""
    app.extensions[EXTENSION] = replace(app.extensions[EXTENSION], **changes)
