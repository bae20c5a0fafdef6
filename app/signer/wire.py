"""Facts that every answer of the signing service shares: how times are written, and whose account this is."""

from datetime import UTC, datetime
from typing import overload

from app.domain.clock import format_timestamp

#: The service has one account only; the ids are fixed so that they mean the same on every start.
COMPANY_ID = "5ca1ab1e-0000-4000-8000-000000000001"
WORKSPACE_ID = "5ca1ab1e-0000-4000-8000-000000000002"
WORKSPACE_NAME = "Countersign"


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """Write a time as the provider writes the life of an envelope: UTC with `+00:00` (fact sheet, section 5)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else None


@overload
def iso_z(moment: datetime) -> str: ...
@overload
def iso_z(moment: datetime | None) -> str | None: ...
def iso_z(moment: datetime | None) -> str | None:
    """Write a time as the provider writes the end of a link: UTC with `Z` (fact sheet, section 5)."""
    return format_timestamp(moment) if moment else None
