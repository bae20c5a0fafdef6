"""What a person behind a signing link can do now, and all that the page shows them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain import clock
from app.domain.ports import Box, PageSize
from app.signer.entered import Entered, entered_by_others
from app.signer.languages import Language
from app.signer.models import EnvelopeStatus, Field, Link, Recipient
from app.signer.signing_order import whose_turn

#: The setting of an envelope that asks for a code (provider fact sheet, section 2.5).
REQUIRES_CODE = "require_otp_verification"
#: How long a browser in which the code was entered is trusted, as the provider does (fact sheet, section 12).
CONFIRMED_FOR = timedelta(hours=12)
#: Characters that are kept of what a browser says of itself; some apps say more.
MAX_USER_AGENT = 500


class CeremonyState(StrEnum):
    """What the person behind a link can do now."""

    READY = "ready"
    WAITING = "waiting"
    SIGNED = "signed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    COMPLETED = "completed"


class CodeStep(StrEnum):
    """What a person without a confirmed code has to do first."""

    ASK = "ask"
    ENTER = "enter"


STATE_OF_ENVELOPE = {
    EnvelopeStatus.FINISHED: CeremonyState.COMPLETED,
    EnvelopeStatus.CANCELLED: CeremonyState.CANCELLED,
    EnvelopeStatus.DECLINED: CeremonyState.DECLINED,
    EnvelopeStatus.EXPIRED: CeremonyState.EXPIRED,
}


class CeremonyClosed(Exception):
    """The person cannot do this now; `state` says why."""

    def __init__(self, state: CeremonyState) -> None:
        super().__init__(f"The ceremony is not open to this person: {state}.")
        self.state = state


class CodeNeeded(CeremonyClosed):
    """It is the person's turn, but the code that is mailed to them must be entered in this browser first."""


@dataclass(frozen=True, kw_only=True)
class Client:
    """Where a request of the signing page comes from, for the audit trail; mails from then on are in `language`."""

    ip: str
    user_agent: str
    language: Language = Language.ENGLISH


@dataclass(frozen=True, kw_only=True)
class CeremonyField:
    """A field that this person fills in. Percent of the displayed page, origin top-left; `page` counts from 1."""

    id: str
    type: str
    page: int
    x: float
    y: float
    width: float
    height: float
    required: bool
    options: tuple[str, ...]
    group: str | None


@dataclass(frozen=True, kw_only=True)
class CeremonyView:
    """Everything the signing page shows. Of the other recipients, only what they entered on the document is in it.

    `download_url` leads to the sealed document, once it is there.
    """

    envelope_id: UUID
    recipient_id: UUID
    document_name: str
    recipient_name: str
    recipient_email: str
    designation: str
    state: CeremonyState
    opened: bool
    pages: tuple[PageSize, ...]
    fields: tuple[CeremonyField, ...]
    consent_text: str
    expires_at: datetime
    #: Anchors, of whomever, that the signed document will not show either.
    hidden_texts: tuple[Box, ...] = ()
    #: What stands on the document already.
    entered: tuple[Entered, ...] = ()
    #: What was entered at an earlier visit, by field id.
    draft: Mapping[str, str] = dataclasses.field(default_factory=dict)
    download_url: str | None = None
    #: None: no code is needed, or it was entered in this browser.
    code_step: CodeStep | None = None


def state_of(recipient: Recipient) -> CeremonyState:
    """Return what this person can do now."""
    envelope = recipient.envelope
    if envelope.status in STATE_OF_ENVELOPE:
        return STATE_OF_ENVELOPE[envelope.status]
    # The row says `expired` once the job has been there; the time counts at once.
    if envelope.expires_at <= clock.utcnow():
        return CeremonyState.EXPIRED
    if recipient.signed_at is not None:
        return CeremonyState.SIGNED
    return CeremonyState.READY if recipient in whose_turn(envelope) else CeremonyState.WAITING


def require_turn(recipient: Recipient) -> None:
    """Raise CeremonyClosed unless it is this person's turn."""
    state = state_of(recipient)
    if state is not CeremonyState.READY:
        raise CeremonyClosed(state)


def require_admitted(link: Link) -> None:
    """Raise CodeNeeded when nothing of the document may be shown, or taken, behind this link yet."""
    if needs_code(link):
        raise CodeNeeded(state_of(link.recipient))


def needs_code(link: Link) -> bool:
    """Tell whether a code must be entered before anything else can be done behind this link."""
    return is_locked(link.recipient.envelope.settings, confirmed_at=link.confirmed_at)


def is_locked(settings: Mapping[str, Any], *, confirmed_at: datetime | None) -> bool:
    """Tell the same from an envelope's settings, and from when the code was entered in this browser."""
    if not settings.get(REQUIRES_CODE):
        return False
    return confirmed_at is None or confirmed_at + CONFIRMED_FOR <= clock.utcnow()


def fields_of(recipient: Recipient) -> list[Field]:
    """Return the fields that this person fills in."""
    return [field for field in recipient.envelope.fields if field.recipient_id == recipient.id and not field.read_only]


def view_of(
    recipient: Recipient, *, consent_text: str, download_url: str | None, code_step: CodeStep | None
) -> CeremonyView:
    """Return what the page shows this person; the fields only while they can be filled in."""
    envelope, state = recipient.envelope, state_of(recipient)
    fields = fields_of(recipient) if state is CeremonyState.READY else []
    is_shown = state is CeremonyState.READY and code_step is None
    return CeremonyView(
        envelope_id=envelope.id,
        recipient_id=recipient.id,
        document_name=envelope.name,
        recipient_name=recipient.name,
        recipient_email=recipient.email,
        designation=recipient.designation.value,
        state=state,
        opened=recipient.viewed_at is not None,
        pages=tuple(PageSize(width=page["width"], height=page["height"]) for page in envelope.pages),
        fields=tuple(_to_view(field) for field in fields),
        consent_text=consent_text,
        expires_at=envelope.expires_at,
        hidden_texts=tuple(Box(**place) for place in envelope.hidden_texts),
        entered=tuple(entered_by_others(recipient)) if is_shown else (),
        draft={} if code_step else recipient.draft or {},
        download_url=download_url,
        code_step=code_step,
    )


def _to_view(field: Field) -> CeremonyField:
    return CeremonyField(
        id=str(field.id),
        type=field.type,
        page=field.page,
        x=field.x,
        y=field.y,
        width=field.width,
        height=field.height,
        required=field.required,
        options=tuple(field.options),
        group=str(field.group) if field.group else None,
    )
