"""Idempotency keys: claimed by an INSERT that only one caller can win (contract section 3)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.errors import Conflict, IdempotencyKeyReused
from app.models import IdempotencyKey
from app.models.columns import table_of
from app.prepared import Prepared
from app.services.unit_of_work import read_row, run

INSERT = insert(table_of(IdempotencyKey))

#: Asked at every create.
BY_KEY = Prepared(
    select(IdempotencyKey.fingerprint, IdempotencyKey.resource_id, IdempotencyKey.purged_at).where(
        IdempotencyKey.project_id == bindparam("project_id"),
        IdempotencyKey.kind == bindparam("kind"),
        IdempotencyKey.key == bindparam("key"),
    )
)


def fingerprint(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a validated, defaulted body, whatever the bytes it came in."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def find(*, project_id: UUID, kind: str, key: str, body_fingerprints: Iterable[str]) -> UUID | None:
    """Return the resource that the key stands for; raise IdempotencyKeyReused when it was for another body.

    `body_fingerprints` are those that the body has had in this version and in earlier ones.

    Raises Conflict when that resource was purged: the key must not create a second one.
    """
    row = read_row(BY_KEY, {"project_id": project_id, "kind": kind, "key": key})
    if row is None:
        return None
    if row.fingerprint not in body_fingerprints:
        raise IdempotencyKeyReused("This Idempotency-Key was already used with a different request.")
    if row.purged_at is not None:
        raise Conflict("What this Idempotency-Key created has been purged; nothing is created with it again.")
    return cast("UUID", row.resource_id)


def claim(  # noqa: PLR0913 (the columns of the row)
    session: Session,
    *,
    project_id: UUID,
    kind: str,
    key: str,
    body_fingerprint: str,
    resource_id: UUID,
    body_digest: str | None = None,
) -> None:
    """Claim the key for a resource; raises IntegrityError in all callers but one."""
    run(
        session,
        INSERT,
        {
            "project_id": project_id,
            "kind": kind,
            "key": key,
            "fingerprint": body_fingerprint,
            "body_digest": body_digest,
            "resource_id": resource_id,
            "created_at": clock.utcnow(),
        },
    )


def free(session: Session, *, resource_id: UUID) -> None:
    """Give the key of a resource back, because nothing came of it."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.resource_id == resource_id))
