"""Reminding the people whose turn it is to sign."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.domain import clock
from app.domain.errors import Conflict, InvalidRequest, ProviderError, ProviderUnavailable, RateLimited, ReminderRefused
from app.domain.history import Cause
from app.domain.lifecycle import TERMINAL
from app.domain.ports import Designation
from app.models import Recipient, SignatureRequest
from app.services import following, signatures, transitions
from app.services.dependencies import Dependencies
from app.services.unit_of_work import unit_of_work

#: Between two reminders of one request.
PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """The one reminder of this minute; `last` is when the one before it was."""

    request_id: UUID
    at: datetime
    last: datetime | None


def remind(
    request_id: UUID, *, project_id: UUID, recipient_ids: Sequence[str], message: str | None, deps: Dependencies
) -> SignatureRequest:
    """Have those whose turn it is mailed again (all of them, or the named ones, by the provider's ids).

    Raises NotFound; InvalidRequest for an id that is not on the request; Conflict when it is over, or somebody named
    is not to act now; RateLimited within a minute of the last reminder; SignaturesUnavailable; ProviderError. A
    reminder whose answer was lost is never repeated by us, and counts for the minute: people may have been mailed.
    """
    request = signatures.get(request_id, project_id=project_id)
    _check_known(request, recipient_ids)
    _check_open(request)
    _require_pause(request)
    signing = signatures.require_signing(deps)
    provider_id = request.envelope_id
    # Whose turn it is may have changed since we last heard.
    request = following.follow(request_id, provider_id, signing=signing, settings=deps.settings)
    people = _chosen(request, recipient_ids)
    reminder = _begin(request_id)
    try:
        signing.remind(provider_id, recipient_ids=list(people.values()), message=message)
    except ReminderRefused as error:
        _give_back(reminder)
        raise Conflict("It is not (or no longer) their turn to sign.") from error
    except ProviderError as error:
        if not (isinstance(error, ProviderUnavailable) and error.may_have_acted):
            _give_back(reminder)
        raise
    return _record(request_id, people)


def whose_turn(recipients: Sequence[Recipient]) -> list[Recipient]:
    """Return who is to act now: one after the other, in signing order; a CC never acts."""
    waiting = [one for one in recipients if one.designation != Designation.CC and one.signed_at is None]
    return sorted(waiting, key=lambda recipient: recipient.order)[:1]


def _check_known(request: SignatureRequest, recipient_ids: Sequence[str]) -> None:
    known = {recipient.provider_id for recipient in request.recipients}
    unknown = {
        f"recipientIds.{index}": ["There is no such recipient on this request."]
        for index, recipient_id in enumerate(recipient_ids)
        if recipient_id not in known
    }
    if unknown:
        raise InvalidRequest(field_errors=unknown)


def _check_open(request: SignatureRequest) -> None:
    if request.status in TERMINAL:
        raise Conflict(f"This signature request is already {request.status}; nobody is left to remind.")
    if request.finished_at is not None:
        raise Conflict("Everybody has signed this request already.")


def _require_pause(request: SignatureRequest) -> None:
    now, last = clock.utcnow(), request.last_reminded_at
    if last is not None and now < last + PAUSE:
        left = math.ceil((last + PAUSE - now).total_seconds())
        raise RateLimited("This signature request was reminded less than a minute ago.", retry_after=left)


def _begin(request_id: UUID) -> Reminder:
    """Take this minute's reminder, right before it goes out: of two at once one does."""
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        _check_open(request)
        _require_pause(request)
        reminder = Reminder(request_id=request_id, at=clock.utcnow(), last=request.last_reminded_at)
        request.last_reminded_at = reminder.at
    return reminder


def _give_back(reminder: Reminder) -> None:
    """Nobody was mailed: the next reminder need not wait, unless it did not wait for this one."""
    with unit_of_work() as session:
        request = transitions.lock(session, reminder.request_id)
        if request.last_reminded_at == reminder.at:
            request.last_reminded_at = reminder.last


def _chosen(request: SignatureRequest, recipient_ids: Sequence[str]) -> dict[UUID, str]:
    """Return the provider's id of each person to remind, by ours."""
    _check_open(request)
    active = {one.id: one.provider_id for one in whose_turn(request.recipients) if one.provider_id is not None}
    if not active or not set(recipient_ids) <= set(active.values()):
        raise Conflict("Only those whose turn it is can be reminded.")
    return active


def _record(request_id: UUID, people: Collection[UUID]) -> SignatureRequest:
    with unit_of_work() as session:
        request = transitions.lock(session, request_id)
        for recipient in request.recipients:
            if recipient.id in people:
                transitions.mark_reminded(session, request, recipient, cause=Cause.API)
    return request
