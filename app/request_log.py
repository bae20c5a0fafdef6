"""One id and one log line for every HTTP request, in the API and in the signing service alike."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, Response, g, request

from app.domain import clock
from app.domain.ids import new_id

log = structlog.get_logger(__name__)

#: Carries the id from caller to API, from API to signing service, and back.
REQUEST_ID = "X-Request-Id"

#: A caller's request id is passed on if it cannot break a log line or a header.
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

#: Anybody can make up a method; these have a name in logs and metrics (RFC 9110 section 9, RFC 5789).
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A request that was answered. `route` is the rule, never the path, which may hold a secret."""

    method: str
    #: None when there is no such address.
    route: str | None
    status: int
    seconds: float


def observe(app: Flask, *, count: Callable[[Answered], None] = lambda _: None) -> None:
    """Give every request of the app an id and a log line, and hand what was answered to `count`.

    Call it before anything else is hooked into the app: then it sees each request first and each answer last. The time
    is that until the answer was ready; how fast the caller reads it is not measured.
    """

    def close(response: Response) -> Response:
        response.headers[REQUEST_ID] = g.request_id
        answered = Answered(
            method=request.method if request.method in METHODS else OTHER,
            route=request.url_rule.rule if request.url_rule else None,
            status=response.status_code,
            seconds=clock.monotonic() - g.opened_at,
        )
        count(answered)
        log_request(answered)
        return response

    app.before_request(_open)
    app.after_request(close)
    # Flask's own line about an unforeseen error names the path.
    app.log_exception = _log_bug  # type: ignore[method-assign]


def begin_request(given: str) -> str:
    """Return the id of a request whose caller has given it this one, and let the log lines of this thread carry it."""
    request_id = given if SANE_REQUEST_ID.fullmatch(given) else str(new_id())
    # Threads serve one request after the other, and must not take anything along.
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def log_request(answered: Answered) -> None:
    """Write the log line of a request."""
    log.info(
        "request answered",
        method=answered.method,
        route=answered.route,
        status=answered.status,
        duration_ms=round(answered.seconds * 1000),
    )


def correlation() -> dict[str, str]:
    """Return the header that lets both sides' logs be read together: the id of our request or job, if there is one."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return {REQUEST_ID: request_id} if request_id else {}


def _open() -> None:
    g.opened_at = clock.monotonic()
    g.request_id = begin_request(request.headers.get(REQUEST_ID, ""))


def _log_bug(exc_info: Any) -> None:
    log.error("unhandled error", exc_info=exc_info)
