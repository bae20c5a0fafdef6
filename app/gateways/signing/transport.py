"""HTTP exchanges with the signing service: time-outs, size limits, and what is certain when one fails."""

import os
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
import structlog
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from structlog.contextvars import bind_contextvars, unbind_contextvars

from app.domain import clock, turns
from app.domain.errors import ProviderUnavailable
from app.metrics import count_provider_call
from app.request_log import REQUEST_ID, correlation

log = structlog.get_logger(__name__)

_CHUNK_BYTES = 64 * 1024
#: More digits than this are no number of seconds that anybody means.
_RETRY_AFTER_DIGITS = 6
_REQUEST_ID_LENGTH = 128

#: Outcomes of calls that are counted; the others are `2xx` to `5xx`.
NOT_REACHED = "not_reached"
NO_ANSWER = "no_answer"


class DirectSession(requests.Session):
    """A session that talks to the host it was given and to nobody else."""

    def __init__(self) -> None:
        super().__init__()
        # Else a .netrc would replace our key, and a proxy variable would see the documents.
        self.trust_env = False
        adapter = HTTPAdapter(max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 (requests calls it so)
        """Return None: requests reads and parses a `Location` even when told not to follow it, and may raise then."""
        return None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. `body` is None when it could not be read whole or was over the limit."""

    operation: str
    status: int
    body: bytes | None = field(repr=False)
    retry_after: int | None
    request_id: str | None

    @property
    def ok(self) -> bool:
        """Tell whether the service says that it did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 (the success class of RFC 9110 section 15.3)


class Transport:
    """Makes one exchange at a time, on a session of its own per thread and process."""

    def __init__(self, *, connect_timeout: float, headers: Mapping[str, str]) -> None:
        self._connect_timeout = connect_timeout
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "Countersign", **headers}
        self._local = threading.local()

    def exchange(  # noqa: PLR0913 (keyword-only parts of one request)
        self,
        method: str,
        url: str,
        *,
        operation: str,
        read_timeout: float,
        limit: int,
        body_seconds: float,
        params: Mapping[str, str] | None = None,
        json: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the answer, whatever its status; redirects are answers too.

        `read_timeout` bounds each silence and `body_seconds` the whole body, in seconds; `limit` is bytes of body.
        Raises ProviderUnavailable without an answer; its `may_have_acted` is False when nothing was ever sent.
        """
        started = clock.monotonic()
        # Until it is answered, what is logged must not name the answer before.
        unbind_contextvars("provider_request_id")
        try:
            with (
                turns.given_up(),
                self._session().request(
                    method,
                    url,
                    params=params,
                    json=json,
                    data=data,
                    headers={**correlation(), **(headers or {})},
                    timeout=(self._connect_timeout, read_timeout),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                body = _read_body(response, limit=limit, deadline=clock.monotonic() + body_seconds)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # The cause is left out because its text holds the URL, and with it names or a token.
            raise _no_answer(error, operation, started) from None
        answer = Answer(
            operation=operation,
            status=response.status_code,
            body=body,
            retry_after=_seconds(response.headers.get("Retry-After")),
            request_id=_printable(response.headers.get(REQUEST_ID)),
        )
        _record(answer, started)
        return answer

    def close(self) -> None:
        """Close the connections of this thread; those of other threads go with their threads."""
        owner, session = getattr(self._local, "owned", (None, None))
        if session is not None and owner == os.getpid():
            session.close()
        self._local = threading.local()

    def _session(self) -> requests.Session:
        """Return this thread's session: sessions are not thread-safe, and a fork must not share a connection."""
        owner, session = getattr(self._local, "owned", (None, None))
        if session is None or owner != os.getpid():
            session = DirectSession()
            session.headers.update(self._headers)
            self._local.owned = (os.getpid(), session)
        return session


def _record(answer: Answer, started: float) -> None:
    """Count and log an answer; from now on the log lines of this request or job name it."""
    count_provider_call(answer.operation, f"{answer.status // 100}xx", clock.monotonic() - started)
    if answer.request_id is not None:
        bind_contextvars(provider_request_id=answer.request_id)
    log.info(
        "signing service answered",
        operation=answer.operation,
        status=answer.status,
        duration_ms=clock.milliseconds_since(started),
        provider_request_id=answer.request_id,
        body_read=answer.body is not None,
    )


def _no_answer(error: Exception, operation: str, started: float) -> ProviderUnavailable:
    """Count and log a call without an answer; return what to raise."""
    not_sent = _certainly_not_sent(error)
    count_provider_call(operation, NOT_REACHED if not_sent else NO_ANSWER, clock.monotonic() - started)
    log.warning(
        "signing service gave no answer",
        operation=operation,
        duration_ms=clock.milliseconds_since(started),
        error=type(error).__name__,
        may_have_acted=not not_sent,
    )
    return ProviderUnavailable(
        "The signing service cannot be reached." if not_sent else "The signing service gave no answer.",
        operation=operation,
        may_have_acted=not not_sent,
    )


def _certainly_not_sent(error: BaseException) -> bool:
    """Tell whether the failure came before the first byte of the request left.

    Only three kinds are certain: no connection in time, no connection at all (refused, unreachable, no such name),
    and a TLS certificate that we refused. Every other failure may have followed a request that was acted upon.
    """
    return any(
        isinstance(
            cause,
            requests.ConnectTimeout | urllib3.exceptions.ConnectTimeoutError | ssl.SSLCertVerificationError,
        )
        for cause in _wrapped(error)
    )


def _wrapped(error: BaseException) -> list[BaseException]:
    """Unwrap requests(urllib3 MaxRetryError(reason(cause))), outermost first."""
    found = [error]
    for outer in found:
        inner = [*outer.args, getattr(outer, "reason", None)]
        found += [each for each in inner if isinstance(each, BaseException) and each not in found]
    return found


def _read_body(response: requests.Response, *, limit: int, deadline: float) -> bytes | None:
    body = bytearray()
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > limit or clock.monotonic() > deadline:
                return None
    except urllib3.exceptions.HTTPError:
        # The status has been read and stands: whoever needs the body finds that there is none.
        return None
    return bytes(body)


def _seconds(value: str | None) -> int | None:
    if value is None or not (value.isascii() and value.isdigit()) or len(value) > _RETRY_AFTER_DIGITS:
        return None
    return int(value)


def _printable(value: str | None) -> str | None:
    if value is None or not (value.isascii() and value.isprintable()):
        return None
    return value[:_REQUEST_ID_LENGTH]
