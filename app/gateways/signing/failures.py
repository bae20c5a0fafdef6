"""From an answer that is no success to an error in our words (provider fact sheet, section 2.7)."""

from collections.abc import Mapping
from types import MappingProxyType

from app.domain.errors import (
    CreditsExhausted,
    EnvelopeAlreadyOver,
    EnvelopeNotFound,
    FileNotReady,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    ReminderRefused,
)
from app.gateways.signing import answers
from app.gateways.signing.transport import Answer

Refusals = Mapping[int, type[ProviderRejected]]

#: The statuses that mean something particular to a call.
CREATE_REFUSALS: Refusals = MappingProxyType({402: CreditsExhausted})
ENVELOPE_REFUSALS: Refusals = MappingProxyType({404: EnvelopeNotFound})
CANCEL_REFUSALS: Refusals = MappingProxyType({404: EnvelopeNotFound, 409: EnvelopeAlreadyOver})
REMIND_REFUSALS: Refusals = MappingProxyType({404: EnvelopeNotFound, 409: ReminderRefused})

_TOO_MANY_REQUESTS = 429
#: Client errors that are said by something in between while the service may go on working.
_LOST = frozenset({408, 425, 499})

_SENTENCES: Mapping[type[ProviderRejected], str] = {
    CreditsExhausted: "The signing account has no credits left.",
    EnvelopeNotFound: "The signing service does not know this envelope.",
    EnvelopeAlreadyOver: "The envelope is already over at the signing service.",
    ReminderRefused: "The signing service reminds only those whose turn it is.",
}
_SENTENCES_BY_CODE = {
    "RECIPIENT_EMAIL_SUPPRESSED": "The signing service does not mail one of the recipients: "
    "the address bounced, was blocked or reported mail as spam.",
}
_SENTENCES_BY_STATUS = {
    401: "The signing service does not accept this server's API key.",
    403: "The signing service does not allow this to this server's API key.",
}


def failure_for(answer: Answer, refusals: Refusals) -> ProviderError:
    """Return the error for an answer; `refusals` are the statuses that mean something particular to this call.

    Only a 4xx is a refusal. A 429 was not processed; all else may have been.
    """
    if answer.status in refusals:
        return _rejected(answer, refusals[answer.status])
    if 400 <= answer.status < 500 and answer.status not in _LOST | {_TOO_MANY_REQUESTS}:  # noqa: PLR2004 (the client errors of RFC 9110 section 15.5)
        return _rejected(answer, ProviderRejected)
    return ProviderUnavailable(
        "The signing service is busy."
        if answer.status == _TOO_MANY_REQUESTS
        else "The signing service gave no usable answer.",
        operation=answer.operation,
        may_have_acted=answer.status != _TOO_MANY_REQUESTS,
        status=answer.status,
        request_id=answer.request_id,
        retry_after=answer.retry_after,
    )


def unreadable(answer: Answer) -> ProviderUnavailable:
    """Return the error for an answer that does not hold what the service documents."""
    return _in_doubt(answer, "The signing service gave an answer that cannot be read.")


def not_reminded(answer: Answer) -> ProviderUnavailable:
    """Return the error for a reminder that did not reach everybody; who was reached is not told apart."""
    return _in_doubt(answer, "The signing service could not mail the reminder.")


def not_ready(answer: Answer) -> FileNotReady:
    """Return the error for a file that the service is still making."""
    return FileNotReady(
        "The file is not ready yet.",
        operation=answer.operation,
        status=answer.status,
        request_id=answer.request_id,
        retry_after=answer.retry_after,
    )


def _in_doubt(answer: Answer, message: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        message,
        operation=answer.operation,
        may_have_acted=True,
        status=answer.status,
        request_id=answer.request_id,
    )


def _rejected(answer: Answer, kind: type[ProviderRejected]) -> ProviderRejected:
    sentence = (
        _SENTENCES.get(kind)
        or _SENTENCES_BY_CODE.get(answers.error_code(answer.body) or "")
        or _SENTENCES_BY_STATUS.get(answer.status)
        or "The signing service refused the request."
    )
    return kind(sentence, operation=answer.operation, status=answer.status, request_id=answer.request_id)
