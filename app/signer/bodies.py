"""What callers post, whole or not at all."""

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge


def read_body(*, limit: int) -> bytes:
    """Return the raw body of the current request, at most `limit` bytes; raise RequestEntityTooLarge (413).

    One that says that it is longer is not read at all.
    """
    # A body in chunks would be cut off at the library's limit without a word, so that is one byte further.
    request.max_content_length = limit + 1
    body = request.get_data(cache=False)
    if len(body) > limit:
        raise RequestEntityTooLarge
    return body
