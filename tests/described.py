"""Every answer and every delivery in the tests is held against the API's description."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from app.api.openapi.document import Description
from app.domain.ports import WebhookRequest
from app.factory import BLUEPRINTS
from app.gateways.webhooks import signature

#: What HTTP itself needs.
FRAMING = {"Content-Type", "Content-Length"}

#: What an answer can be where nothing is described: nothing is there, or not with that method.
ELSEWHERE = {401: "401-unauthorized", 404: "404-not_found", 429: "429-rate_limited"}
ALLOW = {"schema": {"type": "string"}, "required": True}
METHOD_NOT_ALLOWED = {"properties": {"error": {"properties": {"code": {"const": "method_not_allowed"}}}}}


#: By the identity of the schema; the description lives as long as the tests.
VALIDATORS: dict[int, Draft202012Validator] = {}


class DescribedClient(FlaskClient):
    """Fails a test whose answer is not in the description: its route, status, code, body, or a header."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        if answer.request.path.startswith(("/v1/", "/hooks/")):
            problems = list(problems_of(answer))
            assert not problems, f"{answer.request.method} {answer.request.path}: {problems}"
        return answer


@cache
def description() -> dict[str, Any]:
    """Return the description, with its schemas closed: a member that it does not name fails a test."""
    return _closed(Description(BLUEPRINTS, "https://sign.test", "test").document)


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _closed(each) for name, each in part.items()}
    if part.get("type") == "object" and isinstance(part.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def problems_of(answer: TestResponse) -> Iterator[str]:
    """Yield what the answer has that the description has not, and the other way round."""
    described = _response_for(answer)
    if described is None:
        yield f"status {answer.status_code} is not described: {answer.get_data()[:200]!r}"
        return
    yield from _problems_of_headers(answer, described["headers"])
    yield from _problems_of_body(answer, described.get("content", {}))


def assert_delivery_described(request: WebhookRequest) -> None:
    """Check that an event's body is in the description, and that every header of it is."""
    operation = description()["webhooks"][request.event]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert not list(_errors(body, json.loads(request.body), "event"))
    names = {parameter["name"]: parameter["required"] for parameter in operation["parameters"]}
    sent = set(signature.headers(request)) - {"content-type", "user-agent"}
    assert {name for name, required in names.items() if required} <= sent <= set(names)


def _response_for(answer: TestResponse) -> Mapping[str, Any] | None:
    item = _item_for(answer.request.path)
    method = answer.request.method.replace("HEAD", "GET").lower()
    if method not in item:
        return _response_elsewhere(answer, is_described=bool(item))
    responses = item[method]["responses"]
    return _resolved(responses[str(answer.status_code)]) if str(answer.status_code) in responses else None


def _item_for(path: str) -> Mapping[str, Any]:
    for template, item in description()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return item
    return {}


def _response_elsewhere(answer: TestResponse, *, is_described: bool) -> Mapping[str, Any] | None:
    """Return what a method or an address that is not described may answer; the introduction tells of it."""
    shared = description()["components"]["responses"]
    if is_described and (
        answer.status_code == 405 or (answer.request.method == "OPTIONS" and answer.status_code == 200)
    ):
        headers = {**shared["404-not_found"]["headers"], "Allow": ALLOW}
        return {"headers": headers, "content": {"application/json": {"schema": METHOD_NOT_ALLOWED}}}
    return shared.get(ELSEWHERE.get(answer.status_code))


def _resolved(part: Mapping[str, Any]) -> Any:
    found: Any = part
    if "$ref" in part:
        found = description()
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    return found


def _problems_of_headers(answer: TestResponse, described: Mapping[str, Any]) -> Iterator[str]:
    for name, value in answer.headers.items():
        if name in described:
            yield from _errors(_resolved(described[name])["schema"], value, f"header {name}")
        elif name not in FRAMING:
            yield f"header {name} is not described"
    for name, header in described.items():
        if _resolved(header).get("required") and name not in answer.headers:
            yield f"header {name} is missing"


def _problems_of_body(answer: TestResponse, described: Mapping[str, Any]) -> Iterator[str]:
    if answer.request.method in {"HEAD", "OPTIONS"}:
        return
    if not described:
        if answer.get_data():
            yield "a body is not described"
    elif answer.mimetype not in described:
        yield f"content type {answer.mimetype} is not described"
    elif answer.is_json:
        yield from _errors(described[answer.mimetype]["schema"], answer.json, "body")


def _errors(schema: Mapping[str, Any], value: Any, what: str) -> Iterator[str]:
    if schema.get("type") == "integer" and isinstance(value, str):
        value = int(value)
    for error in validator_for(schema).iter_errors(value):
        yield f"{what}: {error.json_path}: {error.message}"


def validator_for(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Return a validator of a schema that is part of the description; made once for each, since that is slow."""
    if id(schema) not in VALIDATORS:
        whole = {**schema, "components": description()["components"]}
        VALIDATORS[id(schema)] = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return VALIDATORS[id(schema)]
