"""Renders on the wire (contract section 3)."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from app.api.deps import public_url
from app.api.schemas.base import (
    COUNT_OR_NULL,
    URL,
    URL_OR_NULL,
    AnswerSchema,
    Timestamp,
    WireSchema,
    text,
)
from app.domain.clock import ONE_MILLISECOND
from app.models import RenderStatus


class RenderReserveSchema(WireSchema):
    """The body that reserves an id: an empty object."""


class RenderFailSchema(WireSchema):
    """Why a render will never get its PDF."""

    error_message = fields.String(required=True, validate=text(longest=500))


class RenderSchema(AnswerSchema):
    """A render."""

    id = fields.UUID()
    status = fields.String(validate=OneOf([*RenderStatus]))
    poll_url = fields.Function(lambda render: public_url(f"/v1/renders/{render.id}"), metadata=URL)
    download_url = fields.Method("_download_url", metadata=URL_OR_NULL)
    error_message = fields.String(allow_none=True)
    created_at = Timestamp()
    completed_at = Timestamp(allow_none=True)
    duration_ms = fields.Method("_duration_ms", metadata=COUNT_OR_NULL)
    page_count = fields.Method("_page_count", metadata=COUNT_OR_NULL)

    def _download_url(self, render: Any) -> str | None:
        is_here = render.status == RenderStatus.SUCCEEDED and not (render.file and render.file.erased_at)
        return public_url(f"/v1/renders/{render.id}/download") if is_here else None

    def _duration_ms(self, render: Any) -> int | None:
        if render.completed_at is None:
            return None
        return int((render.completed_at - render.created_at) / ONE_MILLISECOND)

    def _page_count(self, render: Any) -> int | None:
        return None if render.pages is None else len(render.pages)


class RenderListSchema(AnswerSchema):
    """A page of renders, newest first."""

    renders = fields.List(fields.Nested(RenderSchema), attribute="rows")
    next_cursor = Timestamp(allow_none=True)
    has_more = fields.Boolean()
