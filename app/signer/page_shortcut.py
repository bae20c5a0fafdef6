"""Pictures of pages that have been drawn before, without Flask, whose share of such an answer is by far the largest.

Whoever reads a contract asks for one picture after the other. Whether the link is still good is asked each time, as in
the view; whatever is not plainly a picture to be shown, from an unknown link to a page that is yet to be drawn, the app
answers.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.http import parse_cookie

from app.domain import clock
from app.request_log import REQUEST_ID, Answered, begin_request, log_request
from app.security_headers import OWN_HEADERS
from app.signer.ceremony import Ceremony
from app.signer.page_guard import HEADERS
from app.signer.visit import shown_document

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PICTURE_ROUTE = "/ceremony/<recipient_id>/pages/<int:number>.png"
PICTURE_PATH = re.compile(r"/ceremony/([^/]+)/pages/([0-9]{1,4})\.png")

#: Seconds that a browser keeps a picture: long enough for one sitting, and only in this person's browser.
PICTURE_SECONDS = 3600
PICTURE_HEADERS = {
    "Content-Type": "image/png",
    "Cache-Control": f"private, max-age={PICTURE_SECONDS}",
    "Vary": "Cookie",
}


class PageShortcut:
    """WSGI middleware around the app."""

    def __init__(self, app: "WSGIApplication", ceremony: Ceremony) -> None:
        self._app = app
        self._ceremony = ceremony

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Send the picture, or hand the request on."""
        opened_at = clock.monotonic()
        picture = self._find(environ)
        if picture is None:
            return self._app(environ, start_response)
        environ[OWN_HEADERS] = HEADERS
        request_id = begin_request(environ.get("HTTP_X_REQUEST_ID", ""))
        own = {"Content-Length": str(len(picture)), REQUEST_ID: request_id}
        start_response("200 OK", [*PICTURE_HEADERS.items(), *own.items()])
        log_request(Answered(method="GET", route=PICTURE_ROUTE, status=200, seconds=clock.monotonic() - opened_at))
        return [picture]

    def _find(self, environ: "WSGIEnvironment") -> bytes | None:
        asked = PICTURE_PATH.fullmatch(environ.get("PATH_INFO", ""))
        if asked is None or environ["REQUEST_METHOD"] != "GET":
            return None
        try:
            document = shown_document(asked[1], parse_cookie(environ), self._ceremony)
            return self._ceremony.page_images.kept(document, int(asked[2])) if document else None
        except Exception:  # noqa: BLE001 (whatever it is, the app meets it too, and says so as it says everything)
            return None
