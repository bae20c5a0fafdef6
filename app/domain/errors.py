"""What can go wrong, in the words of the business; `api/errors.py` gives each its HTTP status."""

from collections.abc import Mapping, Sequence


class CountersignError(Exception):
    """Root of everything the services raise on purpose. The message is for people and holds no secret."""

    code = "internal"

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        #: Seconds after which the same call may succeed, when that is known.
        self.retry_after = retry_after


class Unauthorized(CountersignError):
    """The API key is missing, malformed, unknown or revoked."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("The API key is missing or not valid.")


class InvalidRequest(CountersignError):
    """The request is understood and wrong; the paths are dotted wire names (contract section 1)."""

    code = "invalid_request"

    def __init__(
        self,
        message: str = "The request is not valid.",
        *,
        form_errors: Sequence[str] = (),
        field_errors: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.form_errors = list(form_errors)
        self.field_errors = {path: list(messages) for path, messages in (field_errors or {}).items()}


class ForbiddenAddress(InvalidRequest):
    """A webhook must not be sent to this URL (contract section 5); the message says why and names no address."""


class NotFound(CountersignError):
    """No such thing in this project."""

    code = "not_found"


class Conflict(CountersignError):
    """The state of the resource does not allow this now."""

    code = "conflict"


class IdempotencyKeyReused(CountersignError):
    """The idempotency key belongs to a different request."""

    code = "idempotency_key_reused"


class DocumentTooLarge(CountersignError):
    """The PDF is over the limit."""

    code = "document_too_large"


class RateLimited(CountersignError):
    """This was done a moment ago; `retry_after` says when it can be done again."""

    code = "rate_limited"


class SignaturesUnavailable(CountersignError):
    """No signing service is configured on this server."""

    code = "signatures_unavailable"


class StorageUnavailable(CountersignError):
    """The place where files are kept cannot be used now; trying again later may help."""

    code = "storage_unavailable"


class UpstreamError(CountersignError):
    """A file could not be fetched from the signing service."""

    code = "upstream_error"


class ProviderError(CountersignError):
    """The signing service did not do what was asked.

    `operation`, `status` and `request_id` (the provider's) are for the log; the message never holds its text.
    """

    code = "signature_provider_error"

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.operation = operation
        self.status = status
        self.request_id = request_id


class ProviderUnavailable(ProviderError):
    """No usable answer: time-out, broken connection, 5xx, rubbish. Trying again later may help.

    `may_have_acted` is False only when it is certain that the provider never processed the call
    (the connection was never made, or it said 429).
    """

    def __init__(  # noqa: PLR0913 (keyword-only facts for the log)
        self,
        message: str,
        *,
        operation: str,
        may_have_acted: bool,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message, operation=operation, status=status, request_id=request_id, retry_after=retry_after)
        self.may_have_acted = may_have_acted


class ProviderRejected(ProviderError):
    """The provider said no, clearly, and did nothing."""


class CreditsExhausted(ProviderRejected):
    """The signing account has no credits left."""

    code = "signature_credits_exhausted"


class EnvelopeNotFound(ProviderRejected):
    """The provider does not know this envelope."""


class EnvelopeAlreadyOver(ProviderRejected):
    """The provider's envelope is in a final state (or was never sent) and cannot be cancelled."""


class ReminderRefused(ProviderRejected):
    """The provider reminds only those whose turn it is, and nobody of an envelope that is over."""


class FileNotOffered(ProviderRejected):
    """The provider makes no such file for this envelope, and never will."""


class FileNotReady(ProviderError):
    """The provider has not produced this file yet; `retry_after` says when to ask again, if it said so."""


class InvalidProviderEvent(CountersignError):
    """An event from the provider whose signature, time or shape is wrong."""

    code = "unauthorized"


class UnreadablePdf(CountersignError):
    """The bytes are not a PDF that can be signed faithfully; the message says why in one sentence."""

    code = "invalid_request"
