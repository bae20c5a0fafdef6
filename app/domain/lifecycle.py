"""The state machine of a signature request, as data (contract section 2)."""

from enum import StrEnum


class Status(StrEnum):
    """Where a signature request stands. `creating` is internal: such a request is invisible."""

    CREATING = "creating"
    SENT = "sent"
    VIEWED = "viewed"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Action(StrEnum):
    """What can happen to a signature request."""

    SEND = "send"
    VIEW = "view"
    COMPLETE = "complete"
    DECLINE = "decline"
    EXPIRE = "expire"
    CANCEL = "cancel"
    FAIL = "fail"


OPEN = frozenset({Status.SENT, Status.VIEWED})
TERMINAL = frozenset({Status.COMPLETED, Status.DECLINED, Status.EXPIRED, Status.CANCELLED, Status.FAILED})

TRANSITIONS: dict[tuple[Status, Action], Status] = {
    (Status.CREATING, Action.SEND): Status.SENT,
    (Status.CREATING, Action.FAIL): Status.FAILED,
    (Status.SENT, Action.VIEW): Status.VIEWED,
    (Status.SENT, Action.COMPLETE): Status.COMPLETED,
    (Status.SENT, Action.DECLINE): Status.DECLINED,
    (Status.SENT, Action.EXPIRE): Status.EXPIRED,
    (Status.SENT, Action.CANCEL): Status.CANCELLED,
    (Status.SENT, Action.FAIL): Status.FAILED,
    (Status.VIEWED, Action.COMPLETE): Status.COMPLETED,
    (Status.VIEWED, Action.DECLINE): Status.DECLINED,
    (Status.VIEWED, Action.EXPIRE): Status.EXPIRED,
    (Status.VIEWED, Action.CANCEL): Status.CANCELLED,
    (Status.VIEWED, Action.FAIL): Status.FAILED,
}


def next_status(status: Status, action: Action) -> Status | None:
    """Return where `action` leads from `status`, or None when it is to be recorded and ignored.

    Late, doubled and shuffled events are normal, so "ignored" is an outcome and not an error.
    """
    return TRANSITIONS.get((status, action))
