"""What keeps the signing pages safe in a browser: response headers, the link's cookie, and who may post."""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from flask import Request, request
from werkzeug.wrappers import Response as AnyResponse

from app.security_headers import OWN_HEADERS

LINK_COOKIE = "countersign_link"
#: The link of a browser in which a code was confirmed.
CONFIRMED_COOKIE = "countersign_confirmed"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


def harden() -> None:
    """Have the headers that every answer carries added to this one, except where the view sets its own."""
    request.environ[OWN_HEADERS] = HEADERS


def remember_link(response: AnyResponse, token: str, *, path: str, secure: bool, cookie: str = LINK_COOKIE) -> None:
    """Move the link's token into a cookie of the browser session, so that no later address shows it."""
    response.set_cookie(cookie, token, path=path, secure=secure, httponly=True, samesite="Strict")


def form_key(token: str) -> str:
    """Return what a form of this link must send along: nobody without the token can make it."""
    return hmac.new(token.encode(), b"countersign signing form", sha256).hexdigest()


def may_post(request: Request, token: str, *, public_url: str) -> bool:
    """Tell whether the POST comes from a form on our own page for this link."""
    return _comes_from_us(request, public_url) and hmac.compare_digest(
        request.form.get("form_key", "").encode(), form_key(token).encode()
    )


def _comes_from_us(request: Request, public_url: str) -> bool:
    """Check the Origin, or, where the browser blanks it, the Fetch Metadata.

    Under `Referrer-Policy: no-referrer` a browser sends `Origin: null` with a form (Fetch standard, "append a request
    `Origin` header"), so the origin alone cannot tell us from anybody else.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("Origin", "null")
    return origin in {"null", origin_of(public_url)}


def origin_of(url: str) -> str:
    """Return scheme, host and port of a web address, as browsers write an origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
