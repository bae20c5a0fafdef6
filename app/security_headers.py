"""What every answer tells a browser: run nothing, frame nothing, guess nothing, tell nobody where you were."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: For answers that are data; pages bring a policy of their own. `frame-ancestors` does the work of X-Frame-Options,
#: which browsers ignore beside it (CSP Level 3, section 6.4.2).
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}

#: One year (RFC 6797 section 6.1.1). Not for subdomains: this server does not speak for them.
HSTS = {"Strict-Transport-Security": "max-age=31536000"}

#: Under this name of the environ a part of the app leaves the headers that its answers carry before these.
OWN_HEADERS = "countersign.headers"


def add_security_headers(app: Flask, *, public_url: str) -> None:
    """Put the headers on every answer, of errors too, except where a view has set its own.

    Around the app and not in it: there they would go through a check each that none of them needs.
    """
    headers = HEADERS | (HSTS if public_url.startswith("https:") else {})
    answer = app.wsgi_app

    def protected(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, given: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            own = {name.lower() for name, _ in given}
            carried = headers | environ.get(OWN_HEADERS, {})
            added = [header for header in carried.items() if header[0].lower() not in own]
            return start_response(status, [*given, *added], exc_info)

        return answer(environ, start)

    app.wsgi_app = protected  # type: ignore[method-assign]
