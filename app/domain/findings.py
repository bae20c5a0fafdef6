"""What `countersign doctor` says, of the API's side and of the signing service's."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report; `advice` says what a person should do, and is None when all is well."""

    subject: str
    state: str
    advice: str | None = None
