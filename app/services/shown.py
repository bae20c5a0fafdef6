"""Signature requests as callers see them: whole, with their people, and read in one statement.

Nothing here is changed and saved again, so no models are built around the rows: that would take longer than all the
rest. A request whose create is still in doubt is not shown.
"""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import InstrumentedAttribute

from app.domain.errors import NotFound
from app.extensions import Base
from app.models import Recipient, SignatureRequest
from app.prepared import Prepared
from app.services.unit_of_work import read_rows


@dataclass(slots=True)
class ShownRecipient:
    """A person on a request. The names are those of `Recipient`."""

    provider_id: str | None
    first_name: str
    last_name: str | None
    email: str
    designation: str
    order: int
    signed_at: datetime | None
    declined_at: datetime | None


@dataclass(slots=True)
class ShownRequest:
    """A request. The names are those of `SignatureRequest`."""

    id: UUID
    render_id: UUID
    name: str
    status: str
    expiration_hours: int
    error_message: str | None
    created_at: datetime
    completed_at: datetime | None
    signed_file_id: UUID | None
    certificate_file_id: UUID | None
    erased_at: datetime | None
    recipients: list[ShownRecipient] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ClaimedRequest(ShownRequest):
    """A request on its way to being seen, with what only we need of it."""

    project_id: UUID
    provider_id: str | None


def _columns(model: type[Base], shown: type[ShownRequest | ShownRecipient]) -> tuple[InstrumentedAttribute[Any], ...]:
    names = (member.name for member in fields(shown) if member.default_factory is MISSING)
    return tuple(getattr(model, name) for name in names)


#: What a caller can be shown.
AnyRequest = SignatureRequest | ShownRequest

#: What the members above are read from, in their order.
OF_REQUEST = _columns(SignatureRequest, ShownRequest)
OF_RECIPIENT = _columns(Recipient, ShownRecipient)

#: Asked at every get, and at every replay.
BY_ID = Prepared(
    select(*OF_REQUEST, *OF_RECIPIENT)
    .outerjoin(Recipient, Recipient.request_id == SignatureRequest.id)
    .where(
        SignatureRequest.id == bindparam("id"),
        SignatureRequest.project_id == bindparam("project_id"),
        SignatureRequest.created_at.is_not(None),
    )
    .order_by(Recipient.position)
)


def get(request_id: UUID, *, project_id: UUID) -> ShownRequest:
    """Return the project's request; raise NotFound when there is none that is visible."""
    found = find(request_id, project_id=project_id)
    if found is None:
        raise NotFound("There is no such signature request in this project.")
    return found


def find(request_id: UUID, *, project_id: UUID) -> ShownRequest | None:
    """Return the project's request, or None when there is none that is visible."""
    return next(iter(gather(read_rows(BY_ID, {"id": request_id, "project_id": project_id}))), None)


def with_people(page: Select[Any]) -> Select[Any]:
    """Make a select of `OF_REQUEST`, newest first and limited, one that also finds everybody on each."""
    rows = page.subquery()
    found: Select[Any] = (
        select(*rows.c, *OF_RECIPIENT)
        .outerjoin(Recipient, Recipient.request_id == rows.c.id)
        .order_by(rows.c.created_at.desc(), Recipient.position)
    )
    return found


def gather(rows: Iterable[Row[Any]]) -> list[ShownRequest]:
    """Put together what one row per person says."""
    width = len(OF_REQUEST)
    # A project has no two requests of one millisecond, and a time is found faster than an id.
    shown: dict[datetime, ShownRequest] = {}
    for row in rows:
        request = shown.get(row.created_at)
        if request is None:
            request = shown[row.created_at] = ShownRequest(*row[:width])
        if row.email is not None:
            request.recipients.append(ShownRecipient(*row[width:]))
    return list(shown.values())
