"""How many calls are answered: those of one API key, and those of one address without a valid key.

The second limit does not keep keys from being guessed; 256 random bits do. It keeps a caller without a key from filling
the log and from using up the machine. So a valid key is answered whatever its neighbours do: behind one address may be
a whole office, or, with TRUSTED_PROXIES forgotten, everybody.
"""

import logging
import time
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import structlog
from flask import Flask, Response, g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from limits.errors import ConfigurationError

from app.config import Settings, SettingsError, install

log = structlog.get_logger(__name__)

#: A counter that is slower than this, in seconds, counts as down.
COUNTER_TIMEOUT = 1

#: What a network hands to one customer, who can use every address in it.
IPV6_CUSTOMER = 64


class _OurLog(logging.Handler):
    """Says in our log what the library says in its own: that the counter is down, once each time."""

    def emit(self, record: logging.LogRecord) -> None:
        log.warning("call limits", detail=record.getMessage())


_OUR_LOG = _OurLog(logging.WARNING)


class _SparingLimiter(Limiter):
    """Looks for limits only at calls that count: with the defaults, those without a valid key."""

    def __init__(self, *args: Any, counts: Callable[[], bool], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counts = counts

    def _check_request_limit(self, *args: Any, **kwargs: Any) -> None:
        # Finding no limit takes the library as long as reading the caller's key.
        if self.counts():
            super()._check_request_limit(*args, **kwargs)


def limit_calls(app: Flask, settings: Settings) -> None:
    """Count calls before anything but the key is looked at; answer 429 with Retry-After to what is too much.

    Stands behind the hook that sets `g.key_prefix`, or `g.refusal` when there is no valid key. While the shared counter
    cannot be reached, each process counts for itself. Raises SettingsError.
    """
    limiter = _limiter(settings)
    try:
        limiter.init_app(app)
    except ConfigurationError as error:
        raise SettingsError(f"RATELIMIT_STORAGE_URI needs one more package; {install('redis')}.") from error
    except ValueError as error:
        raise SettingsError("RATELIMIT_STORAGE_URI is not an address of Redis.") from error

    @app.after_request
    def tell_limit(response: Response) -> Response:
        if limiter.counts() and (limit := limiter.current_limit) is not None:
            _add_headers(response, limit, limiter)
        return response


def _limiter(settings: Settings) -> _SparingLimiter:
    failures = ApplicationLimit(
        settings.rate_limit_failed_auth, key_function=_address, exempt_when=lambda: "refusal" not in g
    )
    calls = settings.rate_limit_per_key and ApplicationLimit(
        settings.rate_limit_per_key, key_function=_key, exempt_when=lambda: "key_prefix" not in g
    )
    limiter = _SparingLimiter(
        _address,
        counts=(lambda: True) if calls else (lambda: "refusal" in g),
        application_limits=[failures, calls] if calls else [failures],
        storage_uri=settings.ratelimit_storage_uri,
        storage_options=_storage_options(settings.ratelimit_storage_uri),
        in_memory_fallback_enabled=True,
        # A call of an address where there is nothing counts like any other.
        request_identifier=lambda: request.endpoint or "nowhere",
    )
    limiter.logger.addHandler(_OUR_LOG)
    return limiter


def _key() -> str:
    return f"key:{g.key_prefix}"


def _address() -> str:
    """Return the caller's address, as far as one caller cannot change it at will."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "address:unknown"  # A UNIX socket without a trusted proxy's word.
    if isinstance(address, IPv4Address):
        return f"address:{address}"
    return f"address:{ip_network((address, IPV6_CUSTOMER), strict=False)}"


def _storage_options(uri: str) -> dict[str, str | int]:
    if uri.startswith("memory:"):
        return {}
    return {"socket_connect_timeout": COUNTER_TIMEOUT, "socket_timeout": COUNTER_TIMEOUT}


def _add_headers(response: Response, limit: RequestLimit, limiter: Limiter) -> None:
    """Say how many calls are left, and in how many seconds the count starts anew.

    In the fields of draft-ietf-httpapi-ratelimit-headers-07, which clients know.
    """
    try:
        remaining, reset_at = limit.remaining, limit.reset_at
    except limiter.storage.base_exceptions:
        return  # The counter went down after it had counted this call.
    seconds = max(reset_at - int(time.time()), 1)  # The library's clock, and Redis's.
    response.headers["RateLimit-Limit"] = str(limit.limit.amount)
    response.headers["RateLimit-Remaining"] = str(max(remaining, 0))
    response.headers["RateLimit-Reset"] = str(seconds)
    if limit.breached:
        response.headers["Retry-After"] = str(seconds)
