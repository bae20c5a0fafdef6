"""What an operation answers when it does not do what was asked: by status, with every code that can stand there."""

import inspect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.api.errors import CODE_BY_STATUS, INTERNAL, SERVER_ERROR, status_of
from app.api.openapi.headers import ALWAYS, SOMETIMES, refer
from app.domain.errors import CountersignError

JSON = "application/json"

#: The one error body (contract section 1).
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "For programs; the list of each status is complete."},
                "message": {"type": "string", "minLength": 1, "description": "For people; may change."},
                "issues": {
                    "type": "object",
                    "description": "What is wrong with the request.",
                    "required": ["formErrors", "fieldErrors"],
                    "properties": {
                        "formErrors": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "What concerns the whole.",
                        },
                        "fieldErrors": {
                            "type": "object",
                            "additionalProperties": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                            "description": "By dotted path.",
                        },
                    },
                },
            },
        }
    },
}

EXAMPLE_ISSUES = {"formErrors": [], "fieldErrors": {"recipients.0.email": ["Not a valid email address."]}}

#: Beside those that every answer has.
HEADERS_BY_STATUS = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    416: ("Content-Range", "Accept-Ranges"),
    429: ("Retry-After",),
    502: ("Retry-After",),
    503: ("Retry-After",),
}


@dataclass(frozen=True)
class Refusal:
    """A way to be refused."""

    status: int
    code: str
    meaning: str


def of_error(kind: type[CountersignError]) -> Refusal:
    """Return how one of our errors is answered; what it means is its first line."""
    meaning = (inspect.getdoc(kind) or "").partition("\n")[0]
    return Refusal(status_of(kind), kind.code, meaning)


def of_status(status: int) -> Refusal:
    """Return how an error is answered that the web framework raises."""
    code, message = CODE_BY_STATUS[status]
    return Refusal(status, code, message)


BUG = Refusal(SERVER_ERROR, *INTERNAL)


def describe(refusals: Iterable[Refusal]) -> dict[str, Any]:
    """Return the responses, by status."""
    by_status: dict[int, dict[str, Refusal]] = defaultdict(dict)
    for refusal in refusals:
        by_status[refusal.status].setdefault(refusal.code, refusal)
    return {str(status): _response(status, list(by_status[status].values())) for status in sorted(by_status)}


def _response(status: int, refusals: list[Refusal]) -> dict[str, Any]:
    codes = sorted(refusal.code for refusal in refusals)
    narrowed = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    return {
        "description": "\n".join(f"- `{refusal.code}`: {refusal.meaning}" for refusal in refusals),
        "headers": refer([*ALWAYS, *SOMETIMES, *HEADERS_BY_STATUS.get(status, ())]),
        "content": {
            JSON: {
                "schema": {"allOf": [{"$ref": "#/components/schemas/Error"}, narrowed]},
                "examples": {refusal.code: {"value": {"error": _example(refusal)}} for refusal in refusals},
            }
        },
    }


def share(paths: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Replace the refusals of all operations by references; return what is referred to."""
    shared: dict[str, Any] = {}
    for operation in (each for item in paths.values() for name, each in item.items() if name != "parameters"):
        for status, response in operation["responses"].items():
            examples = response.get("content", {}).get(JSON, {}).get("examples")
            if examples is not None:
                name = "-".join([status, *sorted(examples)])
                if shared.setdefault(name, response) == response:
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return shared


def _example(refusal: Refusal) -> dict[str, Any]:
    example: dict[str, Any] = {"code": refusal.code, "message": refusal.meaning}
    if refusal.code == "invalid_request":
        example["issues"] = EXAMPLE_ISSUES
    return example
