"""Whether this installation can do its work."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.services.unit_of_work import reading

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Health:
    """The outcome of each check: `ok` or `error`."""

    version: str
    checks: Mapping[str, str]

    @property
    def is_ok(self) -> bool:
        """Whether every check passed."""
        return all(outcome == "ok" for outcome in self.checks.values())


def check() -> Health:
    """Look at what requests need; never raises for what it finds."""
    return Health(version=version("countersign"), checks={"database": _check_database()})


def _check_database() -> str:
    try:
        with reading() as session:
            session.execute(text("SELECT 1 FROM projects LIMIT 1"))
    except SQLAlchemyError:
        log.exception("database check failed")
        return "error"
    return "ok"
