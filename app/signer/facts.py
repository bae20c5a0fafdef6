"""What a certificate of completion says, as it goes to the child process that draws it.

Apart from the drawing, so that the service itself loads nothing that draws: that is 20 MB of its memory.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict


class PersonFacts(TypedDict):
    """A person on the envelope. Times are ISO 8601 with a zone; absent or None: it did not happen or is not known."""

    name: str
    email: str
    designation: str
    code_confirmed_at: NotRequired[str | None]
    viewed_at: NotRequired[str | None]
    consented_at: NotRequired[str | None]
    signed_at: NotRequired[str | None]
    ip_address: NotRequired[str | None]
    user_agent: NotRequired[str | None]


class ConsentFacts(TypedDict):
    """A text as it was agreed to, and the names of those who did."""

    text: str
    people: Sequence[str]


class EventFacts(TypedDict):
    """A line of the audit trail."""

    at: str
    description: str
    actor: str
    ip_address: str | None


class SealFacts(TypedDict):
    """How the document was sealed; `timestamp_wanted` tells a failed time-stamp from one that nobody asked for."""

    fingerprint_sha256: str
    timestamped: bool
    timestamp_wanted: bool
    self_signed: bool


class CertificateFacts(TypedDict):
    """Everything a certificate says. JSON types only, so that it can be drawn in the PDF child process."""

    envelope_id: str
    document_name: str
    completed_at: str
    issued_at: str
    page_count: int
    sha256_before: str
    sha256_after: str
    people: Sequence[PersonFacts]
    consents: Sequence[ConsentFacts]
    events: Sequence[EventFacts]
    audit_hash: NotRequired[str | None]
    seal: SealFacts
    missing_glyphs: Sequence[str]
