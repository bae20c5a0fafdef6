"""What every answer tells a browser: run nothing, frame nothing, guess nothing, tell nobody where you were."""

from flask import Flask, Response

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


def add_security_headers(app: Flask, *, public_url: str) -> None:
    """Put the headers on every answer, of errors too, except where a view has set its own."""
    headers = HEADERS | (HSTS if public_url.startswith("https:") else {})

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response
