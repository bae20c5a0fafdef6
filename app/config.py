"""Settings: every environment variable of the API and the worker, converted and checked once (README, "Settings").

A value can also come from a file: set `NAME_FILE` to its path instead of `NAME`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from environs import FileAwareEnv
from marshmallow.validate import OneOf, Range
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

ONE_YEAR = 31_536_000
MINIMUM_SECRET_LENGTH = 16
MOST_ATTEMPTS = 20
PLACEHOLDERS = ("changeme", "change-me", "change_me", "secret", "password", "example", "your-")


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line that names the variable."""


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
    trusted_proxies: tuple[str, ...] = ()
    log_level: str = "info"
    log_format: str = "json"

    @property
    def signing_is_configured(self) -> bool:
        """Whether this server can send anything out for signature."""
        return bool(self.signing_provider_url and self.signing_provider_api_key)


@dataclass(frozen=True, kw_only=True)
class SignerSettings:
    """How the bundled signing service is set up."""

    database_url: str = "sqlite:///var/signer.db"
    storage_url: str = "file:var/signer-storage"
    public_url: str = "http://127.0.0.1:8001"
    api_keys: tuple[str, ...] = field(repr=False)
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    #: Signs events as well while the API may not know the new secret yet.
    webhook_old_secret: str | None = field(default=None, repr=False)
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str = "Countersign <signatures@localhost>"
    mail_folder: Path = Path("var/mail")
    #: In which people are written to until they open the document: `en` or `de`.
    mail_language: str = "en"
    certificate: Path = Path("var/signer-seal.p12")
    certificate_passphrase: str | None = field(default=None, repr=False)
    tsa_url: str | None = None
    reads_per_minute: int = 60_000
    writes_per_minute: int = 12_000
    trusted_proxies: tuple[str, ...] = ()
    log_level: str = "info"
    log_format: str = "json"


def load_settings() -> Settings:
    """Read the settings of the API and the worker; raise SettingsError naming the first variable that is wrong."""
    env = FileAwareEnv(strip_whitespace=True)
    defaults = Settings()
    try:
        return Settings(
            database_url=_database_url(env, "DATABASE_URL", defaults.database_url),
            storage_url=env.str("STORAGE_URL", defaults.storage_url),
            public_url=_http_url(env, "PUBLIC_URL", defaults.public_url) or defaults.public_url,
            signing_provider_url=_http_url(env, "SIGNING_PROVIDER_URL", None),
            signing_provider_api_key=_secret("SIGNING_PROVIDER_API_KEY", env.str("SIGNING_PROVIDER_API_KEY", "")),
            signing_provider_webhook_secrets=_secrets(env, "SIGNING_PROVIDER_WEBHOOK_SECRETS"),
            provider_connect_timeout=_timeout(env, "PROVIDER_CONNECT_TIMEOUT", defaults.provider_connect_timeout),
            provider_read_timeout=_timeout(env, "PROVIDER_READ_TIMEOUT", defaults.provider_read_timeout),
            provider_create_timeout=_timeout(env, "PROVIDER_CREATE_TIMEOUT", defaults.provider_create_timeout),
            provider_doubt_seconds=_seconds(env, "PROVIDER_DOUBT_SECONDS", defaults.provider_doubt_seconds),
            provider_poll_seconds=_timeout(env, "PROVIDER_POLL_SECONDS", defaults.provider_poll_seconds),
            idempotency_wait_seconds=_seconds(env, "IDEMPOTENCY_WAIT_SECONDS", defaults.idempotency_wait_seconds),
            worker_idle_seconds=_seconds(env, "WORKER_IDLE_SECONDS", defaults.worker_idle_seconds),
            archive_deadline_seconds=_seconds(env, "ARCHIVE_DEADLINE_SECONDS", defaults.archive_deadline_seconds),
            webhook_retry_seconds=_retry_seconds(env, defaults.webhook_retry_seconds),
            webhook_timeout=_seconds(env, "WEBHOOK_TIMEOUT", defaults.webhook_timeout),
            webhook_allow_insecure=env.bool("WEBHOOK_ALLOW_INSECURE", defaults.webhook_allow_insecure),
            webhook_allowed_cidrs=tuple(_items(env, "WEBHOOK_ALLOWED_CIDRS")),
            trusted_proxies=_trusted_proxies(env),
            log_level=_log_level(env),
            log_format=_log_format(env),
        )
    except ValueError as error:  # EnvError is one; a file that cannot be read is plain
        raise SettingsError(_one_line(error)) from error


def load_signer_settings() -> SignerSettings:
    """Read the settings of the bundled signing service; raise SettingsError naming the first variable that is wrong."""
    env = FileAwareEnv(strip_whitespace=True)
    try:
        api_keys = _secrets(env, "SIGNER_API_KEYS")
        if not api_keys:
            raise SettingsError("SIGNER_API_KEYS is missing: the keys, comma-separated, that may use the service.")
        webhook_url = _http_url(env, "SIGNER_WEBHOOK_URL", None)
        webhook_secret = _secret("SIGNER_WEBHOOK_SECRET", env.str("SIGNER_WEBHOOK_SECRET", ""))
        if webhook_url and not webhook_secret:
            raise SettingsError("SIGNER_WEBHOOK_SECRET is missing: events to SIGNER_WEBHOOK_URL must be signed.")
        defaults = SignerSettings(api_keys=api_keys)
        return SignerSettings(
            database_url=_database_url(env, "SIGNER_DATABASE_URL", defaults.database_url),
            storage_url=env.str("SIGNER_STORAGE_URL", defaults.storage_url),
            public_url=_http_url(env, "SIGNER_PUBLIC_URL", defaults.public_url) or defaults.public_url,
            api_keys=api_keys,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            webhook_old_secret=_secret("SIGNER_WEBHOOK_OLD_SECRET", env.str("SIGNER_WEBHOOK_OLD_SECRET", "")),
            smtp_url=_smtp_url(env),
            mail_from=env.str("SIGNER_MAIL_FROM", defaults.mail_from),
            mail_language=env.str("SIGNER_MAIL_LANGUAGE", defaults.mail_language, validate=OneOf(["en", "de"])),
            certificate=env.path("SIGNER_CERTIFICATE", defaults.certificate),
            certificate_passphrase=env.str("SIGNER_CERTIFICATE_PASSPHRASE", "") or None,
            tsa_url=_http_url(env, "SIGNER_TSA_URL", None),
            reads_per_minute=_calls(env, "SIGNER_READS_PER_MINUTE", defaults.reads_per_minute),
            writes_per_minute=_calls(env, "SIGNER_WRITES_PER_MINUTE", defaults.writes_per_minute),
            trusted_proxies=_trusted_proxies(env),
            log_level=_log_level(env),
            log_format=_log_format(env),
        )
    except ValueError as error:  # EnvError is one; a file that cannot be read is plain
        raise SettingsError(_one_line(error)) from error


def load_signer_places() -> tuple[str, str]:
    """Read where the signing service keeps its database and its files, which needs no key; raise SettingsError."""
    env = FileAwareEnv(strip_whitespace=True)
    try:
        return (
            _database_url(env, "SIGNER_DATABASE_URL", SignerSettings.database_url),
            env.str("SIGNER_STORAGE_URL", SignerSettings.storage_url),
        )
    except ValueError as error:
        raise SettingsError(_one_line(error)) from error


def _one_line(error: ValueError) -> str:
    return " ".join(str(error).split())


def _log_level(env: FileAwareEnv) -> str:
    return env.str("LOG_LEVEL", "info", validate=OneOf(["debug", "info", "warning", "error"]))


def _log_format(env: FileAwareEnv) -> str:
    return env.str("LOG_FORMAT", "json", validate=OneOf(["json", "console"]))


def _seconds(env: FileAwareEnv, name: str, default: float) -> float:
    return env.float(name, default, validate=Range(min=0, max=ONE_YEAR))


def _retry_seconds(env: FileAwareEnv, default: tuple[float, ...]) -> tuple[float, ...]:
    name = "WEBHOOK_RETRY_SECONDS"
    try:
        waits = tuple(float(item) for item in _items(env, name)) or default
    except ValueError:
        waits = ()
    if not 1 <= len(waits) <= MOST_ATTEMPTS or not all(0 <= wait <= ONE_YEAR for wait in waits):
        raise SettingsError(f"{name} must be 1 to {MOST_ATTEMPTS} numbers of seconds, comma-separated.")
    return waits


def _items(env: FileAwareEnv, name: str) -> list[str]:
    return [item.strip() for item in env.str(name, "").split(",") if item.strip()]


def _timeout(env: FileAwareEnv, name: str, default: float) -> float:
    return env.float(name, default, validate=Range(min=0, min_inclusive=False, max=ONE_YEAR))


def _database_url(env: FileAwareEnv, name: str, default: str) -> str:
    value = env.str(name, default)
    try:
        backend = make_url(value).get_backend_name()
    except ArgumentError as error:
        raise SettingsError(f"{name} is not a database URL such as {default}.") from error
    if backend not in {"sqlite", "postgresql"}:
        raise SettingsError(f"{name} must be SQLite or PostgreSQL, not {backend}.")
    return value


def _http_url(env: FileAwareEnv, name: str, default: str | None) -> str | None:
    value = env.str(name, "").rstrip("/")
    if not value:
        return default
    if not value.startswith(("http://", "https://")) or any(character.isspace() for character in value):
        raise SettingsError(f"{name} must be an http:// or https:// address.")
    return value


def _trusted_proxies(env: FileAwareEnv) -> tuple[str, ...]:
    proxies = tuple(_items(env, "TRUSTED_PROXIES"))
    try:
        for proxy in proxies:
            ip_network(proxy)
    except ValueError as error:
        raise SettingsError(f"TRUSTED_PROXIES must be addresses or networks, comma-separated: {error}.") from error
    return proxies


def _calls(env: FileAwareEnv, name: str, default: int) -> int:
    return env.int(name, default, validate=Range(min=1))


def _smtp_url(env: FileAwareEnv) -> str | None:
    value = env.str("SIGNER_SMTP_URL", "")
    if value and not value.startswith(("smtp://", "smtps://")):
        raise SettingsError("SIGNER_SMTP_URL must look like smtp://user:password@host:587 or smtps://…:465.")
    return value or None


def _secrets(env: FileAwareEnv, name: str) -> tuple[str, ...]:
    return tuple(_require_strong(name, value) for value in _items(env, name))


def _secret(name: str, value: str) -> str | None:
    return _require_strong(name, value.strip()) if value.strip() else None


def _require_strong(name: str, value: str) -> str:
    """Refuse what can be guessed: a service that starts with a default secret is one that everybody can use."""
    if len(value) < MINIMUM_SECRET_LENGTH or _is_placeholder(value, PLACEHOLDERS):
        raise SettingsError(f"{name} is too weak: at least {MINIMUM_SECRET_LENGTH} characters, and not a placeholder.")
    return value


def _is_placeholder(value: str, placeholders: Iterable[str]) -> bool:
    return value.lower().startswith(tuple(placeholders))
