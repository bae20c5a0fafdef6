"""What one soak does: how long, with what settings, and how often what fails."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from app.config import Settings
from tests.fakes.provider_control import ProviderControl
from tests.fakes.provider_server import API_KEY

EVENT_SECRET = "a-secret-of-the-provider-0123456789"

GUNICORN_WORKERS = 2
GUNICORN_THREADS = 4
BACKGROUND_WORKERS = 2

#: Seconds. Longer than any `late` or lagging envelope but the ones that are to come too late.
DOUBT_SECONDS = 8
LATE = {"kind": "late", "seconds": 3}
TOO_LATE = {"kind": "late", "seconds": DOUBT_SECONDS + 6}
LISTED_LATE = {"kind": "list_lags", "seconds": 3}
HANGS = {"kind": "hang", "seconds": 4}
NO_ID = {"kind": "rubbish", "variant": "no_id"}

#: How a create call fails, and how often.
CREATE_FAULTS = (
    ("accept_then_drop", 0.05),
    ("error_after", 0.04),
    ("rubbish", 0.02),
    (NO_ID, 0.01),
    ("conflict_with_id", 0.02),
    ("drop_before", 0.015),
    ("error_before", 0.015),
    ("draft_left", 0.01),
    (HANGS, 0.01),
    (LATE, 0.01),
    (TOO_LATE, 0.003),
    (LISTED_LATE, 0.01),
    *(({"kind": "refuse", "status": status}, 0.005) for status in (400, 402, 422, 429)),
)
CANCEL_FAULTS = (
    ("accept_then_drop", 0.05),
    ("error_after", 0.03),
    ("rubbish", 0.02),
    ("drop_before", 0.02),
    ("error_before", 0.02),
    (HANGS, 0.005),
    (LATE, 0.02),
)
READ_FAULTS = (("drop_before", 0.01), ("error_before", 0.01), ("rubbish", 0.005))
LIST_FAULTS = (("drop_before", 0.05), ("error_before", 0.05), ("rubbish", 0.02))
FILE_FAULTS = (("drop_before", 0.02), ("error_before", 0.02), ("rubbish", 0.02))
EVENTS = {"lost": 0.35, "doubled": 0.1, "late": 0.05, "late_seconds": 4, "shuffled_seconds": 0.3}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A soak. `seconds` is how long there is load; `settle_seconds` how long the clients may go on retrying."""

    seconds: float
    seed: int
    #: A PostgreSQL server, as a URL whose user may create databases; None for a SQLite file.
    database: str | None
    folder: Path
    settle_seconds: float
    clients: int = 10
    #: How many hosts the API runs on: each has a gunicorn of its own.
    hosts: int = 1
    #: Whether files are in S3, instead of a folder.
    in_s3: bool = False

    @property
    def kind(self) -> str:
        files = " with s3" if self.in_s3 else ""
        hosts = f" on {self.hosts} hosts" if self.hosts > 1 else ""
        return ("postgresql" if self.database else "sqlite") + files + hosts


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the installation keeps what it has."""

    database_url: str
    storage_url: str
    s3_endpoint_url: str | None = None


def soak_settings(places: Places, *, api_origin: str, provider_url: str) -> Settings:
    """Return the settings of the installation: short waits, so that minutes show what takes hours."""
    return Settings(
        **asdict(places),
        public_url=api_origin,
        signing_provider_url=provider_url,
        signing_provider_api_key=API_KEY,
        signing_provider_webhook_secrets=(EVENT_SECRET,),
        provider_connect_timeout=1,
        provider_read_timeout=2,
        provider_create_timeout=2,
        provider_doubt_seconds=DOUBT_SECONDS,
        provider_poll_seconds=5,
        idempotency_wait_seconds=2,
        worker_idle_seconds=0.1,
        archive_deadline_seconds=20,
        webhook_retry_seconds=(0, 1, 1, 2, 2, *[5] * 10),
        webhook_timeout=2,
        webhook_allow_insecure=True,
    )


def environment_of(settings: Settings) -> Mapping[str, str]:
    """Return the environment variables that give a process these settings."""
    given = {name.upper(): value for name, value in asdict(settings).items() if value is not None}
    return {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value) for name, value in given.items()
    }


def make_trouble(provider: ProviderControl, *, events_url: str) -> None:
    """Turn on every fault."""
    provider.mix("create", *CREATE_FAULTS)
    provider.mix("cancel", *CANCEL_FAULTS)
    provider.mix("list", *LIST_FAULTS)
    for operation in ("read", "users"):
        provider.mix(operation, *READ_FAULTS)
    for operation in ("download", "file"):
        provider.mix(operation, *FILE_FAULTS)
    provider.send_events(events_url, EVENT_SECRET, **EVENTS)
