"""The settings of the API and the worker."""

from dataclasses import dataclass, field

from environs import FileAwareEnv
from limits import parse_many

from app.config.values import (
    ONE_YEAR,
    SettingsError,
    bind,
    database_url,
    http_url,
    items,
    log_format,
    log_level,
    networks,
    one_line,
    seconds,
    secret,
    secrets,
    timeout,
)

MOST_ATTEMPTS = 20


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this installation of the API and the worker is set up. Times are seconds."""

    database_url: str = "sqlite:///var/countersign.db"
    storage_url: str = "file:var/storage"
    public_url: str = "http://127.0.0.1:8000"
    signing_provider_url: str | None = None
    signing_provider_api_key: str | None = field(default=None, repr=False)
    signing_provider_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    provider_connect_timeout: float = 5
    provider_read_timeout: float = 30
    provider_create_timeout: float = 60
    provider_doubt_seconds: float = 600
    provider_poll_seconds: float = 900
    idempotency_wait_seconds: float = 10
    worker_idle_seconds: float = 1
    archive_deadline_seconds: float = 600
    #: When each attempt at a delivery is made, counted from the one before.
    webhook_retry_seconds: tuple[float, ...] = (0, 30, 300, 3600, 21600, 86400)
    webhook_timeout: float = 15
    webhook_allow_insecure: bool = False
    webhook_allowed_cidrs: tuple[str, ...] = ()
    #: Where S3 is, if not at AWS.
    s3_endpoint_url: str | None = None
    #: Calls of one API key, such as `600 per minute`; None is no limit.
    rate_limit_per_key: str | None = None
    #: Calls of one address without a valid key.
    rate_limit_failed_auth: str = "300 per minute"
    #: Where calls are counted: each process for itself, or in Redis for all.
    ratelimit_storage_uri: str = field(default="memory://", repr=False)
    trusted_proxies: tuple[str, ...] = ()
    #: Who may read `/metrics`.
    metrics_allowed_cidrs: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    #: Where the worker shows its own `/metrics`, as host and port; None for not at all.
    worker_metrics_bind: tuple[str, int] | None = None
    log_level: str = "info"
    log_format: str = "json"


def load_settings() -> Settings:
    """Read the settings of the API and the worker; raise SettingsError naming the first variable that is wrong."""
    env = FileAwareEnv(strip_whitespace=True)
    defaults = Settings()
    try:
        return Settings(
            database_url=database_url(env, "DATABASE_URL", defaults.database_url),
            storage_url=env.str("STORAGE_URL", defaults.storage_url),
            public_url=http_url(env, "PUBLIC_URL", defaults.public_url) or defaults.public_url,
            signing_provider_url=http_url(env, "SIGNING_PROVIDER_URL", None),
            signing_provider_api_key=secret("SIGNING_PROVIDER_API_KEY", env.str("SIGNING_PROVIDER_API_KEY", "")),
            signing_provider_webhook_secrets=secrets(env, "SIGNING_PROVIDER_WEBHOOK_SECRETS"),
            provider_connect_timeout=timeout(env, "PROVIDER_CONNECT_TIMEOUT", defaults.provider_connect_timeout),
            provider_read_timeout=timeout(env, "PROVIDER_READ_TIMEOUT", defaults.provider_read_timeout),
            provider_create_timeout=timeout(env, "PROVIDER_CREATE_TIMEOUT", defaults.provider_create_timeout),
            provider_doubt_seconds=seconds(env, "PROVIDER_DOUBT_SECONDS", defaults.provider_doubt_seconds),
            provider_poll_seconds=timeout(env, "PROVIDER_POLL_SECONDS", defaults.provider_poll_seconds),
            idempotency_wait_seconds=seconds(env, "IDEMPOTENCY_WAIT_SECONDS", defaults.idempotency_wait_seconds),
            worker_idle_seconds=seconds(env, "WORKER_IDLE_SECONDS", defaults.worker_idle_seconds),
            archive_deadline_seconds=seconds(env, "ARCHIVE_DEADLINE_SECONDS", defaults.archive_deadline_seconds),
            webhook_retry_seconds=_retry_seconds(env, defaults.webhook_retry_seconds),
            webhook_timeout=timeout(env, "WEBHOOK_TIMEOUT", defaults.webhook_timeout),
            webhook_allow_insecure=env.bool("WEBHOOK_ALLOW_INSECURE", defaults.webhook_allow_insecure),
            webhook_allowed_cidrs=tuple(items(env, "WEBHOOK_ALLOWED_CIDRS")),
            s3_endpoint_url=http_url(env, "S3_ENDPOINT_URL", None),
            rate_limit_per_key=_rate_limit(env, "RATE_LIMIT_PER_KEY", None),
            rate_limit_failed_auth=_rate_limit(env, "RATE_LIMIT_FAILED_AUTH", defaults.rate_limit_failed_auth)
            or defaults.rate_limit_failed_auth,
            ratelimit_storage_uri=_counter_uri(env, defaults.ratelimit_storage_uri),
            trusted_proxies=networks(env, "TRUSTED_PROXIES"),
            metrics_allowed_cidrs=networks(env, "METRICS_ALLOWED_CIDRS", ",".join(defaults.metrics_allowed_cidrs)),
            worker_metrics_bind=bind(env, "WORKER_METRICS_BIND"),
            log_level=log_level(env),
            log_format=log_format(env),
        )
    except ValueError as error:  # EnvError is one; a file that cannot be read is plain
        raise SettingsError(one_line(error)) from error


def _rate_limit(env: FileAwareEnv, name: str, default: str | None) -> str | None:
    value = env.str(name, "") or default
    try:
        if value is not None:
            parse_many(value)
    except ValueError as error:
        raise SettingsError(f'{name} must look like "300 per minute", or several of them separated by ";".') from error
    return value


def _counter_uri(env: FileAwareEnv, default: str) -> str:
    value = env.str("RATELIMIT_STORAGE_URI", default)
    if not value.startswith(("memory://", "redis://", "rediss://")):
        raise SettingsError("RATELIMIT_STORAGE_URI must be memory:// or redis://host:6379/0 (rediss:// with TLS).")
    return value


def _retry_seconds(env: FileAwareEnv, default: tuple[float, ...]) -> tuple[float, ...]:
    name = "WEBHOOK_RETRY_SECONDS"
    try:
        waits = tuple(float(item) for item in items(env, name)) or default
    except ValueError:
        waits = ()
    if not 1 <= len(waits) <= MOST_ATTEMPTS or not all(0 <= wait <= ONE_YEAR for wait in waits):
        raise SettingsError(f"{name} must be 1 to {MOST_ATTEMPTS} numbers of seconds, comma-separated.")
    return waits
