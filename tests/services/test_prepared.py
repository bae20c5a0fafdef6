"""Prepared statements: what they find is what SQLAlchemy would find, on each kind of database."""

from uuid import uuid4

import pytest
from sqlalchemy import bindparam, func, select

from app.domain import clock
from app.extensions import db
from app.models import Render, RenderStatus
from app.prepared import Prepared
from app.services import projects
from app.services.unit_of_work import unit_of_work

BY_ID = select(Render.id, Render.pages, Render.created_at, Render.completed_at).where(Render.id == bindparam("id"))


@pytest.fixture
def render(app):
    with app.app_context():
        project_id = projects.create("Test").id
        render = Render(
            id=uuid4(),
            project_id=project_id,
            status=RenderStatus.SUCCEEDED,
            pages=[[595.0, 842.0]],
            created_at=clock.utcnow(),
        )
        with unit_of_work() as session:
            session.add(render)
        yield render


def test_values_come_back_as_the_types_of_their_columns(render):
    (row,) = Prepared(BY_ID).rows(db.engine, {"id": render.id})

    assert (row.id, row.pages, row.created_at, row.completed_at) == (
        render.id,
        [[595.0, 842.0]],
        render.created_at,
        None,
    )
    with db.engine.connect() as connection:
        assert tuple(row) == tuple(connection.execute(BY_ID, {"id": render.id}).one())


def test_what_the_statement_itself_says_needs_no_value(render):
    statement = Prepared(select(func.count()).select_from(Render).where(Render.status == RenderStatus.SUCCEEDED))

    assert statement.rows(db.engine, {}) == [(1,)]


def test_a_value_that_is_missing_is_an_error_and_not_null(render):
    with pytest.raises(KeyError, match="id"):
        Prepared(BY_ID).rows(db.engine, {})


def test_no_transaction_and_no_connection_is_left_behind(render):
    Prepared(BY_ID).rows(db.engine, {"id": render.id})

    assert db.engine.pool.checkedout() == 0
    with unit_of_work() as session:  # Nobody reads in a transaction that would hold this one up.
        session.get_one(Render, render.id).status = RenderStatus.FAILED
    (row,) = Prepared(select(Render.status).where(Render.id == bindparam("id"))).rows(db.engine, {"id": render.id})
    assert row.status == RenderStatus.FAILED
