"""Every header that an answer can carry, and the few that are read from a request."""

from collections.abc import Iterable, Mapping
from typing import Any

from app import security_headers
from app.api.deps import IDEMPOTENCY_KEY

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}

#: Name, meaning, schema.
HEADERS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "X-Request-Id": ("Names this call in the server's log: the caller's own id, if it sent a sane one.", TEXT),
    **dict.fromkeys(security_headers.HEADERS | security_headers.HSTS, ("For browsers.", TEXT)),
    "Location": ("The address of what was made.", {"type": "string", "format": "uri"}),
    "Retry-After": ("Seconds after which the same call may succeed.", COUNT),
    "RateLimit-Limit": ("Calls in the window, where calls are limited.", COUNT),
    "RateLimit-Remaining": ("Calls that are left in it.", COUNT),
    "RateLimit-Reset": ("Seconds until the count starts anew.", COUNT),
    "WWW-Authenticate": ("How to authenticate.", {"const": "Bearer"}),
    "Content-Disposition": ("A file name made of the id.", TEXT),
    "Content-Length": ("Bytes.", COUNT),
    "Content-Range": ("Which bytes these are, and of how many.", TEXT),
    "Accept-Ranges": ("Single ranges of bytes are answered.", {"const": "bytes"}),
    "ETag": ("The SHA-256 of the file.", TEXT),
    "Date": ("When this was answered.", TEXT),
}

ALWAYS = ("X-Request-Id", *security_headers.HEADERS)
#: On answers of any status: where the API is reached by https, and where calls are limited.
SOMETIMES = (*security_headers.HSTS, "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
FILE = ("ETag", "Accept-Ranges", "Content-Disposition", "Date")

REQUEST_HEADERS = {
    "Idempotency-Key": (
        "The same key with the same body returns the first call's result and does nothing twice. It never expires.",
        {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY.pattern}$"},
    ),
    "Range": ("One range of bytes, such as `bytes=0-1023`; anything else is ignored.", TEXT),
    "If-None-Match": ("With the ETag of the copy that the caller has: `304` if it is still the same.", TEXT),
    "If-Match": ("With the ETag of an earlier part: `412` if the file is another one now.", TEXT),
}


def components() -> dict[str, Any]:
    """Return the headers of answers, to be referred to by name."""
    return {
        name: {"description": meaning, "required": name in ALWAYS, "schema": dict(schema)}
        for name, (meaning, schema) in HEADERS.items()
    }


def refer(names: Iterable[str]) -> dict[str, Any]:
    """Return references to these headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def parameter(name: str) -> dict[str, Any]:
    """Return a header as a parameter of a request."""
    meaning, schema = REQUEST_HEADERS[name]
    return {"in": "header", "name": name, "required": False, "description": meaning, "schema": dict(schema)}
