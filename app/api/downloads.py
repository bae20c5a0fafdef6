"""Files out of storage: whole, by range, or not changed (RFC 9110 sections 13 and 14)."""

import re
from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from app.api.deps import dependencies
from app.models import StoredFile
from app.services import stored_files

#: The one kind of Range that is answered in part. Any other unit must be ignored, several ranges may be (RFC 9110
#: section 14.2), and the library would refuse both.
ONE_RANGE = re.compile(r"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-(?P<last>[0-9]{1,18}))", re.IGNORECASE)


def send_pdf(find: Callable[[], StoredFile], *, name: str) -> Response:
    """Answer with the stored PDF that is found, as an attachment; HEAD, ranges, If-Match and If-None-Match work."""
    file = find()
    if request.if_match and not request.if_match.contains(file.sha256):
        raise PreconditionFailed
    try:
        opened = stored_files.open_file(dependencies().storage, file.key)
    except FileNotFoundError:
        find()  # Purged or erased a moment ago, it says so.
        raise
    stream = opened.__enter__()
    response = Response(wrap_file(request.environ, stream), mimetype="application/pdf", direct_passthrough=True)
    response.call_on_close(lambda: opened.__exit__(None, None, None))
    response.content_length = file.size
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "sandbox"
    response.set_etag(file.sha256)
    response.accept_ranges = "bytes"
    # If-Match is done with. The library would answer it with 412 and the file, also when it is `*` (RFC 9110 13.1.1).
    conditions = {name: value for name, value in request.environ.items() if name != "HTTP_IF_MATCH"}
    try:
        response.make_conditional(conditions, accept_ranges=_is_for_a_part(file), complete_length=file.size)
    except RequestedRangeNotSatisfiable:
        response.close()  # The answer is another one now, so nobody else closes the file.
        raise
    return response


def _is_for_a_part(file: StoredFile) -> bool:
    """Tell whether the Range counts: with GET alone, and when the caller does not have the file (RFC 9110 13.2.2)."""
    given = ONE_RANGE.fullmatch(request.headers.get("Range", "").strip())
    if given is None or request.method != "GET" or request.if_none_match.contains_weak(file.sha256):
        return False
    # More than there is at the end is all there is; the library would refuse it.
    return given["last"] is None or int(given["last"]) <= file.size
