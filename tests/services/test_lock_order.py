"""On PostgreSQL, what keeps lists in order must not stand in the way of those who only refer to a project."""

import pytest
from sqlalchemy import select, text

from app.extensions import db
from app.models import Project, SignatureRequest
from app.services import projects
from app.services.paging import stamp_created_at
from app.services.unit_of_work import unit_of_work


@pytest.mark.postgres
def test_a_row_that_refers_to_a_project_is_changed_while_another_gets_its_place_in_the_list(app):
    # A second change of a row in one transaction makes PostgreSQL check its foreign keys; a worker that does it holds
    # the locks of its webhooks, for which whoever holds the project's lock may wait.
    with app.app_context():
        project_id = projects.create("Test").id
        with unit_of_work() as session:
            stamp_created_at(session, SignatureRequest, project_id)
            with db.engine.begin() as another:
                another.execute(text("SET LOCAL lock_timeout = '1s'"))
                referring = (
                    select(Project.id).where(Project.id == project_id).with_for_update(read=True, key_share=True)
                )
                assert another.scalar(referring) == project_id
