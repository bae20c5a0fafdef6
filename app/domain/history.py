"""What a request's history tells its project: each step in the project's words, and who was behind it."""

from enum import StrEnum

from app.domain.events import EVENT_BY_ACTION, Event
from app.domain.lifecycle import Action


class Mark(StrEnum):
    """What is written down of a request besides the actions that move it."""

    SIGNED = "recipient_signed"
    DECLINED = "recipient_declined"
    REMINDED = "recipient_reminded"
    MAIL_FAILED = "recipient_mail_failed"
    ERASED = "erased"


class Cause(StrEnum):
    """What made us write a step down."""

    #: A call of the project.
    API = "api"
    #: What the signing service says.
    PROVIDER = "provider"
    #: A command.
    OPERATOR = "operator"
    #: Its time had passed.
    WORKER = "worker"
    #: Its files are here.
    ARCHIVE = "archive"
    #: No envelope of it was found.
    DOUBT = "doubt"


class Actor(StrEnum):
    """By whom something happened."""

    #: The project, over the API.
    API = "api"
    RECIPIENT = "recipient"
    #: The signing service, or somebody who used it past us.
    PROVIDER = "provider"
    #: Whoever looks after this server.
    OPERATOR = "operator"
    #: This server by itself: its worker.
    SYSTEM = "system"


#: Where a webhook tells of it, its event's name (contract section 5); else a name of the same form.
TYPE_BY_ACTION: dict[str, str] = {
    **{str(action): event.value for action, event in EVENT_BY_ACTION.items()},
    Mark.SIGNED: Event.SIGNED,
    Mark.DECLINED: "recipient.declined",
    Mark.REMINDED: "recipient.reminded",
    Mark.MAIL_FAILED: "recipient.mail_failed",
    Mark.ERASED: "signature.erased",
}

ACTOR_BY_CAUSE = {Cause.API: Actor.API, Cause.PROVIDER: Actor.PROVIDER, Cause.OPERATOR: Actor.OPERATOR}

ACTS_OF_RECIPIENTS = frozenset({Action.VIEW, Action.DECLINE, Mark.SIGNED, Mark.DECLINED})


def actor_of(action: str, cause: str) -> Actor:
    """Return by whom an entry's action happened."""
    if action in ACTS_OF_RECIPIENTS:
        return Actor.RECIPIENT
    return ACTOR_BY_CAUSE.get(Cause(cause), Actor.SYSTEM)
