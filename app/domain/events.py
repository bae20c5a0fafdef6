"""The events that projects subscribe to (contract section 5)."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from app.domain.lifecycle import Action


class Event(StrEnum):
    """What a project's server can be told of."""

    SENT = "signature.sent"
    VIEWED = "signature.viewed"
    SIGNED = "signature.signed"
    COMPLETED = "signature.completed"
    DECLINED = "signature.declined"
    EXPIRED = "signature.expired"
    CANCELLED = "signature.cancelled"
    FAILED = "signature.failed"


#: The event of each transition. One person's signature moves no status: that is `signature.signed`.
EVENT_BY_ACTION = {
    Action.SEND: Event.SENT,
    Action.VIEW: Event.VIEWED,
    Action.COMPLETE: Event.COMPLETED,
    Action.DECLINE: Event.DECLINED,
    Action.EXPIRE: Event.EXPIRED,
    Action.CANCEL: Event.CANCELLED,
    Action.FAIL: Event.FAILED,
}

#: What a test delivery says; nobody subscribes to it.
TEST_EVENT = "webhook.test"


def serialise(members: Mapping[str, Any]) -> bytes:
    """Return compact JSON in UTF-8: the bytes that are stored, signed and sent, the same on every attempt."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
