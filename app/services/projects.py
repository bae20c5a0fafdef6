"""Projects: the tenants of an installation."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.domain import clock
from app.domain.errors import InvalidRequest, NotFound
from app.models import Project
from app.services.unit_of_work import reading, unit_of_work

LONGEST_NAME = 255


def create(name: str) -> Project:
    """Create a project; raise InvalidRequest when the name is blank or too long."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidRequest(f"A project's name has 1 to {LONGEST_NAME} characters.")
    with unit_of_work() as session:
        project = Project(name=name, created_at=clock.utcnow())
        session.add(project)
    return project


def get(project_id: UUID) -> Project:
    """Return the project; raise NotFound when there is none."""
    with reading() as session:
        project = session.get(Project, project_id)
    if project is None:
        raise NotFound(f"There is no project {project_id}.")
    return project


def list_all() -> Sequence[Project]:
    """Return every project, oldest first."""
    with reading() as session:
        return session.scalars(select(Project).order_by(Project.created_at, Project.id)).all()
