"""What the contract promises of every answer, checked in one place."""

from typing import Any

from werkzeug.test import TestResponse


def assert_refused(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Check a refusal's status, code and shape (contract section 1); return its error object."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/json"
    assert list(answer.json) == ["error"]
    error = answer.json["error"]
    assert error["code"] == code
    assert error["message"]
    assert isinstance(error["message"], str)
    assert set(error) <= {"code", "message", "issues"}
    if "issues" in error:
        assert set(error["issues"]) == {"formErrors", "fieldErrors"}
        assert code == "invalid_request"
    return error


def assert_invalid(answer: TestResponse, *paths: str) -> dict[str, list[str]]:
    """Check a 400 that blames exactly these members, or the whole when there are none; return the messages."""
    issues = assert_refused(answer, 400, "invalid_request")["issues"]
    assert sorted(issues["fieldErrors"]) == sorted(paths), issues
    for messages in issues["fieldErrors"].values():
        assert messages
        assert all(isinstance(message, str) for message in messages)
    assert bool(issues["formErrors"]) == (not paths), issues
    return issues["fieldErrors"]
