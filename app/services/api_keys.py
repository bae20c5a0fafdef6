"""API keys: made once, checked on every request, revoked at once."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import joinedload

from app.domain import clock, keys
from app.domain.errors import NotFound, Unauthorized
from app.domain.keys import NewKey
from app.models import ApiKey
from app.prepared import Prepared
from app.services import projects
from app.services.unit_of_work import read_row, reading, unit_of_work

#: The last use is written at most this often: on SQLite it would be the hottest write of all.
LAST_USE_RESOLUTION = timedelta(minutes=1)

#: Asked at every request.
BY_PREFIX = Prepared(
    select(ApiKey.id, ApiKey.project_id, ApiKey.sha256, ApiKey.last_used_at, ApiKey.revoked_at).where(
        ApiKey.prefix == bindparam("prefix")
    )
)

UNKNOWN_KEY_SHA256 = hashlib.sha256(b"").hexdigest()


def create(project_id: UUID, *, name: str = "") -> NewKey:
    """Make a key for the project and return its clear text, for the only time."""
    project = projects.get(project_id)
    key = keys.generate()
    with unit_of_work() as session:
        session.add(
            ApiKey(
                project_id=project.id,
                name=name,
                prefix=key.prefix,
                sha256=_hash(key.clear_text),
                created_at=clock.utcnow(),
            )
        )
    return key


def list_all() -> Sequence[ApiKey]:
    """Return every key with its project, oldest first."""
    with reading() as session:
        return session.scalars(
            select(ApiKey).options(joinedload(ApiKey.project)).order_by(ApiKey.created_at, ApiKey.id)
        ).all()


def revoke(prefix: str) -> None:
    """Revoke the key at once; one that is revoked already stays so. Raises NotFound for an unknown prefix."""
    with unit_of_work() as session:
        key = session.scalar(select(ApiKey).filter_by(prefix=prefix))
        if key is None:
            raise NotFound(f"There is no key {prefix}.")
        key.revoked_at = key.revoked_at or clock.utcnow()


def authenticate(clear_text: str) -> UUID:
    """Return the project that the key belongs to; raise Unauthorized without saying what is wrong with it."""
    prefix = keys.prefix_of(clear_text)
    if prefix is None:
        raise Unauthorized
    key = read_row(BY_PREFIX, {"prefix": prefix})
    # An unknown id costs the same comparison as a wrong secret.
    expected = key.sha256 if key is not None else UNKNOWN_KEY_SHA256
    matches = hmac.compare_digest(_hash(clear_text), expected)
    if key is None or not matches or key.revoked_at is not None:
        raise Unauthorized
    _record_use(key.id, last_used_at=key.last_used_at)
    return cast("UUID", key.project_id)


def _record_use(key_id: UUID, *, last_used_at: datetime | None) -> None:
    now = clock.utcnow()
    threshold = now - LAST_USE_RESOLUTION
    if last_used_at is not None and last_used_at > threshold:
        return
    with unit_of_work() as session:
        session.execute(
            update(ApiKey)
            .where(ApiKey.id == key_id, or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= threshold))
            .values(last_used_at=now)
        )


def _hash(clear_text: str) -> str:
    return hashlib.sha256(clear_text.encode()).hexdigest()
