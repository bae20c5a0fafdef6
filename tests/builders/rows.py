"""Rows of requests put straight into the database: many of them, fast."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from flask import Flask
from sqlalchemy import insert

from app.domain import clock
from app.domain.ids import new_id
from app.domain.lifecycle import Status
from app.models import Render, RenderStatus, SignatureRequest
from app.services.unit_of_work import unit_of_work


def insert_render(app: Flask, project_id: UUID, *, created_at: datetime) -> UUID:
    """Insert a render without a file; return its id."""
    render_id = new_id()
    with app.app_context(), unit_of_work() as session:
        session.add(Render(id=render_id, project_id=project_id, status=RenderStatus.SUCCEEDED, created_at=created_at))
    return render_id


def insert_requests(app: Flask, project_id: UUID, rows: Iterable[tuple[UUID, Status, datetime]]) -> list[UUID]:
    """Insert requests of (render, status, creation time), without people and history; return their ids."""
    values = [
        {
            "id": new_id(),
            "project_id": project_id,
            "render_id": render_id,
            "name": "Charter",
            "status": status,
            "expiration_hours": 168,
            "claimed_at": clock.utcnow(),
            "created_at": created_at,
        }
        for render_id, status, created_at in rows
    ]
    with app.app_context(), unit_of_work() as session:
        session.execute(insert(SignatureRequest), values)
    return [value["id"] for value in values]
