"""The list of envelopes: filters, order and pages (provider fact sheet, section 6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf, Range
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import selectinload

from app.signer.database import Database
from app.signer.models import Envelope, EnvelopeStatus, Recipient
from app.signer.schemas import TolerantSchema

STATUSES: Mapping[str, EnvelopeStatus | None] = {
    # This service knows neither drafts nor deleted envelopes, so nothing has these two.
    "not_sent": None,
    "deleted": None,
    "in_progress": EnvelopeStatus.SENT,
    "finished": EnvelopeStatus.FINISHED,
    "cancelled": EnvelopeStatus.CANCELLED,
    "declined": EnvelopeStatus.DECLINED,
    "expired": EnvelopeStatus.EXPIRED,
}

SORTABLE = {
    "name": Envelope.name,
    "created_on": Envelope.created_at,
    "expiration_hours": Envelope.expiration_hours,
    "sent_on": Envelope.sent_at,
    "finished_on": Envelope.finished_at,
}


class Moment(fields.AwareDateTime):
    """An ISO 8601 time; one without zone is UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        # A plus sign that nobody escaped arrives as a space.
        moment = super()._deserialize(value.replace(" ", "+"), attr, data, **kwargs)
        return moment.astimezone(UTC)


class Statuses(fields.String):
    """Comma-separated words."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        words = super()._deserialize(value, attr, data, **kwargs)
        if not set(words.split(",")) <= set(STATUSES):
            raise ValidationError("Unknown status.")
        return words


class QuerySchema(TolerantSchema):
    """The query of the list."""

    page = fields.Integer(load_default=1, validate=Range(1, 1_000_000))
    page_size = fields.Integer(load_default=50, validate=Range(1, 200))
    name = fields.String(load_default=None)
    status = Statuses(load_default=None)
    created_after = Moment(load_default=None, default_timezone=UTC)
    created_before = Moment(load_default=None, default_timezone=UTC)
    signer_email = fields.String(load_default=None)
    signer_name = fields.String(load_default=None)
    sort_by = fields.String(load_default="created_on", validate=OneOf(list(SORTABLE)))
    sort_order = fields.String(load_default="desc", validate=OneOf(["asc", "desc"]))


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page of the list."""

    envelopes: list[Envelope]
    page: int
    page_size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.page_size)


def list_envelopes(database: Database, parameters: Mapping[str, str]) -> Listing:
    """Return the page that the query asks for; raise ValidationError when it makes no sense."""
    query = QuerySchema().load(parameters)
    matching = select(Envelope).where(*_conditions(query))
    with database.reading() as session:
        total = session.scalar(matching.with_only_columns(func.count(Envelope.id))) or 0
        envelopes = list(session.scalars(_page(matching, query)))
    return Listing(envelopes=envelopes, page=query["page"], page_size=query["page_size"], total=total)


def _page(matching: Select[Envelope], query: Mapping[str, Any]) -> Select[Envelope]:
    column = SORTABLE[query["sort_by"]]
    keys = (column, Envelope.id)
    return (
        matching.order_by(*(key.desc() if query["sort_order"] == "desc" else key.asc() for key in keys))
        .offset((query["page"] - 1) * query["page_size"])
        .limit(query["page_size"])
        .options(selectinload(Envelope.recipients), selectinload(Envelope.fields))
    )


def _conditions(query: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query["name"]:
        conditions.append(Envelope.name.icontains(query["name"], autoescape=True))
    if query["status"]:
        words = [STATUSES[word] for word in query["status"].split(",")]
        conditions.append(Envelope.status.in_([word for word in words if word]))
    if query["created_after"]:
        conditions.append(Envelope.created_at >= query["created_after"])
    if query["created_before"]:
        conditions.append(Envelope.created_at <= query["created_before"])
    if query["signer_email"]:
        conditions.append(Envelope.recipients.any(func.lower(Recipient.email) == query["signer_email"].lower()))
    if query["signer_name"]:
        full_name = Recipient.first_name + " " + func.coalesce(Recipient.last_name, "")
        conditions.append(Envelope.recipients.any(full_name.icontains(query["signer_name"], autoescape=True)))
    return conditions
