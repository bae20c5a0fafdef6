"""One error body for everything (contract section 1)."""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from app.domain import errors
from app.domain.errors import CountersignError, InvalidRequest

log = structlog.get_logger(__name__)


class InvalidJson(CountersignError):
    """The body is not valid JSON."""

    code = "invalid_json"


class UnsupportedMediaType(CountersignError):
    """The body is of a kind that the route does not take."""

    code = "unsupported_media_type"


class RequestTooLarge(CountersignError):
    """The body is over the route's limit."""

    code = "request_too_large"


#: Looked up along the class's MRO, so a new child inherits its parent's status.
STATUS_BY_ERROR: dict[type[CountersignError], int] = {
    InvalidJson: 400,
    errors.InvalidRequest: 400,
    errors.UnreadablePdf: 400,
    errors.Unauthorized: 401,
    errors.InvalidProviderEvent: 401,
    errors.CreditsExhausted: 402,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.IdempotencyKeyReused: 409,
    errors.DocumentTooLarge: 413,
    RequestTooLarge: 413,
    UnsupportedMediaType: 415,
    errors.RateLimited: 429,
    errors.ProviderError: 502,
    errors.UpstreamError: 502,
    errors.SignaturesUnavailable: 503,
    errors.StorageUnavailable: 503,
    CountersignError: 500,
}

#: Werkzeug's own errors that a caller can meet.
CODE_BY_STATUS = {
    400: ("invalid_request", "The request is not valid."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not answer that method."),
    412: ("precondition_failed", "The file is not the one that If-Match names."),
    413: ("request_too_large", "The request body is too large."),
    415: ("unsupported_media_type", "This content type is not supported here."),
    416: ("range_not_satisfiable", "The range is outside the file."),
    429: ("rate_limited", "Too many requests."),
}
INTERNAL = ("internal", "Something went wrong on this server.")

SERVER_ERROR = 500


def register_error_handlers(app: Flask) -> None:
    """Answer every error, foreseen or not, in the one shape."""
    app.register_error_handler(CountersignError, _answer_ours)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_bug)


def status_of(kind: type[CountersignError]) -> int:
    """Return the HTTP status of one of our errors."""
    return next(STATUS_BY_ERROR[each] for each in kind.__mro__ if each in STATUS_BY_ERROR)


def _answer_ours(error: CountersignError) -> Response:
    status = status_of(type(error))
    if isinstance(error, errors.ProviderError):
        log.warning(
            "provider error answered",
            code=error.code,
            operation=error.operation,
            provider_status=error.status,
            provider_request_id=error.request_id,
        )
    elif status >= SERVER_ERROR:
        log.error("error answered", code=error.code, exc_info=error.__cause__)
    else:
        log.info("caller error answered", code=error.code)
    issues = None
    if isinstance(error, InvalidRequest) and (error.form_errors or error.field_errors):
        issues = {"formErrors": error.form_errors, "fieldErrors": error.field_errors}
    response = _respond(status, error.code, error.message, issues=issues)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _answer_http(error: HTTPException) -> Response:
    original = error.get_response()
    status = original.status_code
    code, message = CODE_BY_STATUS.get(status, CODE_BY_STATUS[400] if status < SERVER_ERROR else INTERNAL)
    response = _respond(status, code, message)
    for name in ("Allow", "Content-Range", "Retry-After", "Accept-Ranges"):
        if name in original.headers:
            response.headers[name] = original.headers[name]
    return response


def _answer_bug(error: Exception) -> Response:
    log.error("unhandled error", exc_info=error)
    return _respond(SERVER_ERROR, *INTERNAL)


def _respond(status: int, code: str, message: str, *, issues: Mapping[str, Any] | None = None) -> Response:
    body: dict[str, Any] = {"code": code, "message": message}
    if issues is not None:
        body["issues"] = issues
    response = jsonify({"error": body})
    response.status_code = status
    return response
