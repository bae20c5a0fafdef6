"""A request to the fake signing service and a reply of it, free of sockets; and what it says when it refuses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    #: The parts of the path.
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int = 200
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @classmethod
    def of(cls, value: object, status: int = 200, **headers: str) -> "Reply":
        return cls(status=status, body=json.dumps(value).encode(), headers=headers)


def refused(status: int) -> Reply:
    """Answer as the service does when it refuses (section 2.7)."""
    match status:
        case 402:
            return Reply.of({"error": "No credits.", "code": "INSUFFICIENT_CREDITS", "current_credits": 0}, 402)
        case 422:
            return Reply.of({"error": "The address bounced.", "code": "RECIPIENT_EMAIL_SUPPRESSED"}, 422)
        case 429:
            return Reply.of({"error": "Too Many Requests", "code": "RATE_LIMIT_EXCEEDED"}, 429, **{"Retry-After": "30"})
    return Reply.of({"error": "Refused.", "code": "VALIDATION_ERROR", "phase": "create_validation"}, status)


def not_found() -> Reply:
    return Reply.of({"error": "Not Found", "code": "NOT_FOUND"}, 404)
