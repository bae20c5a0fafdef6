"""Identifiers: UUIDv7, so that they sort by time (RFC 9562 section 5.7)."""

from uuid import UUID

import uuid6


def new_id() -> UUID:
    """Return a fresh id for any resource."""
    return uuid6.uuid7()
