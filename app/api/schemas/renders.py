"""Renders on the wire (contract section 3)."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Range

from app.api.deps import public_url
from app.api.schemas.base import Cursor, QueryNumber, Timestamp, WireSchema, text
from app.domain.clock import ONE_MILLISECOND
from app.models import RenderStatus


class RenderReserveSchema(WireSchema):
    """The body that reserves an id: an empty object."""


class RenderFailSchema(WireSchema):
    """Why a render will never get its PDF."""

    error_message = fields.String(required=True, validate=text(longest=500))


class RenderQuerySchema(WireSchema):
    """The query of a list."""

    limit = QueryNumber(load_default=50, validate=Range(min=1, max=100))
    cursor = Cursor()


class RenderSchema(WireSchema):
    """A render."""

    id = fields.UUID()
    status = fields.String()
    poll_url = fields.Function(lambda render: public_url(f"/v1/renders/{render.id}"))
    download_url = fields.Method("_download_url")
    error_message = fields.String()
    created_at = Timestamp()
    completed_at = Timestamp()
    duration_ms = fields.Method("_duration_ms")
    page_count = fields.Method("_page_count")

    def _download_url(self, render: Any) -> str | None:
        return public_url(f"/v1/renders/{render.id}/download") if render.status == RenderStatus.SUCCEEDED else None

    def _duration_ms(self, render: Any) -> int | None:
        if render.completed_at is None:
            return None
        return int((render.completed_at - render.created_at) / ONE_MILLISECOND)

    def _page_count(self, render: Any) -> int | None:
        return None if render.pages is None else len(render.pages)


class RenderListSchema(WireSchema):
    """A page of renders, newest first."""

    renders = fields.List(fields.Nested(RenderSchema), attribute="rows")
    next_cursor = Timestamp()
    has_more = fields.Boolean()
