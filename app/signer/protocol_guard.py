"""What every call of the provider's protocol goes through: key, version, rate, and how errors are written."""

import hmac
import threading
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.domain import clock
from app.domain.errors import Conflict, CountersignError, InvalidRequest, NotFound
from app.signer.intake import InvalidEnvelope

API_VERSION = "1"

WINDOW_SECONDS = 60
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class RateLimiter:
    """Counts the calls of each key in fixed windows of a minute; every process counts for itself.

    The limits are the installation's. By default they are far above the provider's 200 and 120, as the service is the
    caller's own.
    """

    def __init__(self, *, reads: int, writes: int) -> None:
        self._limits = {True: reads, False: writes}
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[tuple[str, bool], int] = {}

    def count(self, key: str, *, reads: bool) -> tuple[int, int, int]:
        """Count one call; return the limit, what is left of it (below 0: too many), and when it starts anew."""
        window = int(clock.utcnow().timestamp()) // WINDOW_SECONDS
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            used = self._counts[key, reads] = self._counts.get((key, reads), 0) + 1
        limit = self._limits[reads]
        return limit, limit - used, (window + 1) * WINDOW_SECONDS


class ProtocolGuard:
    """Hooks and error handlers of the protocol's blueprint (provider fact sheet, sections 1 and 2.7)."""

    def __init__(self, *, api_keys: Sequence[str], reads_per_minute: int, writes_per_minute: int) -> None:
        self._keys = [key.encode() for key in api_keys]
        self._limiter = RateLimiter(reads=reads_per_minute, writes=writes_per_minute)

    def protect(self, blueprint: Blueprint) -> None:
        """Stand before every route of the blueprint."""
        blueprint.before_request(self._check)
        blueprint.after_request(self._add_headers)
        for kind, handler in (
            (InvalidEnvelope, _invalid_envelope),
            (ValidationError, _invalid_query),
            (CountersignError, _refused),
            (HTTPException, _http_error),
        ):
            blueprint.register_error_handler(kind, handler)

    def _check(self) -> ResponseReturnValue | None:
        key = self._accepted_key(request.headers.get("Authorization", ""))
        g.rate = self._limiter.count(key or "", reads=request.method in READING)
        if key is None:
            return error_body(401, "Unauthorized", code="UNAUTHORIZED", message="The API key is missing or wrong.")
        if g.rate[1] < 0:
            return error_body(
                429, "Too Many Requests", code="RATE_LIMIT_EXCEEDED", message="Too many calls; please wait."
            )
        return _version_error(request.headers.get("X-API-Version"))

    def _accepted_key(self, header: str) -> str | None:
        """Take both spellings, `<key>` and `Bearer <key>`; compare with every key, in constant time."""
        scheme, _, rest = header.strip().partition(" ")
        given = rest.strip() if scheme.lower() == "bearer" and rest else header.strip()
        matches = [hmac.compare_digest(given.encode("utf-8", "surrogatepass"), key) for key in self._keys]
        return given if any(matches) else None

    def _add_headers(self, response: Response) -> Response:
        limit, left, reset = g.rate
        response.headers["X-API-Version"] = API_VERSION
        response.headers["X-RateLimit-Limit"] = str(limit)
        response.headers["X-RateLimit-Remaining"] = str(max(left, 0))
        response.headers["X-RateLimit-Reset"] = str(reset)
        response.headers["Cache-Control"] = "no-store"
        if response.status_code == 429:  # noqa: PLR2004 (RFC 6585 section 4)
            response.headers["Retry-After"] = str(max(reset - int(clock.utcnow().timestamp()), 1))
        return response


def error_body(status: int, error: str, **members: Any) -> tuple[Response, int]:
    """Return an error as the provider writes it: `error`, and what goes with it."""
    return jsonify({"error": error, **members}), status


def _version_error(version: str | None) -> ResponseReturnValue | None:
    if version is None or version == API_VERSION:
        return None
    if not version.isascii() or not version.isdigit() or int(version) < 1:
        return error_body(400, "X-API-Version must be a positive integer.", code="INVALID_VERSION")
    return error_body(400, "This version is not supported.", code="UNSUPPORTED_VERSION")


def _invalid_envelope(error: InvalidEnvelope) -> ResponseReturnValue:
    return error_body(
        400,
        error.reasons[0],
        code="VALIDATION_ERROR",
        phase="create_validation",
        validation_errors=[],
        errors=[{"message": reason} for reason in error.reasons],
    )


def _invalid_query(error: ValidationError) -> ResponseReturnValue:
    messages = error.messages if isinstance(error.messages, dict) else {"": error.messages}
    details = [{"path": [name], "message": str(message)} for name, found in messages.items() for message in found]
    return error_body(400, "Validation failed", code="VALIDATION_ERROR", details=details)


def _refused(error: CountersignError) -> ResponseReturnValue:
    if isinstance(error, NotFound):
        return error_body(404, "Not Found", message=error.message)
    if isinstance(error, Conflict):
        return error_body(409, "Conflict", message=error.message)
    if isinstance(error, InvalidRequest):
        return error_body(400, error.message, code="VALIDATION_ERROR")
    raise error


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error, RequestEntityTooLarge):
        return error_body(413, "Payload Too Large", message="Use POST /documents for a document of this size.")
    return error_body(error.code or 500, error.name)
