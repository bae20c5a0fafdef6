"""The settings of the bundled signing service."""

from dataclasses import dataclass, field
from pathlib import Path

from environs import FileAwareEnv
from marshmallow.validate import OneOf, Range

from app.config.values import (
    SettingsError,
    database_url,
    http_url,
    log_format,
    log_level,
    networks,
    one_line,
    secret,
    secrets,
)


@dataclass(frozen=True, kw_only=True)
class SignerSettings:
    """How the bundled signing service is set up."""

    database_url: str = "sqlite:///var/signer.db"
    storage_url: str = "file:var/signer-storage"
    #: Where S3 is, if not at AWS; the same as the API's.
    s3_endpoint_url: str | None = None
    public_url: str = "http://127.0.0.1:8001"
    api_keys: tuple[str, ...] = field(repr=False)
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    #: Signs events as well while the API may not know the new secret yet.
    webhook_old_secret: str | None = field(default=None, repr=False)
    #: After so many events in a row that failed for good none is sent until the next start; 0 is never.
    webhook_disable_after: int = 0
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


def load_signer_settings() -> SignerSettings:
    """Read the settings of the bundled signing service; raise SettingsError naming the first variable that is wrong."""
    env = FileAwareEnv(strip_whitespace=True)
    try:
        api_keys = secrets(env, "SIGNER_API_KEYS")
        if not api_keys:
            raise SettingsError("SIGNER_API_KEYS is missing: the keys, comma-separated, that may use the service.")
        webhook_url = http_url(env, "SIGNER_WEBHOOK_URL", None)
        webhook_secret = secret("SIGNER_WEBHOOK_SECRET", env.str("SIGNER_WEBHOOK_SECRET", ""))
        if webhook_url and not webhook_secret:
            raise SettingsError("SIGNER_WEBHOOK_SECRET is missing: events to SIGNER_WEBHOOK_URL must be signed.")
        defaults = SignerSettings(api_keys=api_keys)
        return SignerSettings(
            database_url=database_url(env, "SIGNER_DATABASE_URL", defaults.database_url),
            storage_url=env.str("SIGNER_STORAGE_URL", defaults.storage_url),
            s3_endpoint_url=http_url(env, "S3_ENDPOINT_URL", None),
            public_url=http_url(env, "SIGNER_PUBLIC_URL", defaults.public_url) or defaults.public_url,
            api_keys=api_keys,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            webhook_old_secret=secret("SIGNER_WEBHOOK_OLD_SECRET", env.str("SIGNER_WEBHOOK_OLD_SECRET", "")),
            webhook_disable_after=env.int(
                "SIGNER_WEBHOOK_DISABLE_AFTER", defaults.webhook_disable_after, validate=Range(min=0)
            ),
            smtp_url=_smtp_url(env),
            mail_from=env.str("SIGNER_MAIL_FROM", defaults.mail_from),
            mail_language=env.str("SIGNER_MAIL_LANGUAGE", defaults.mail_language, validate=OneOf(["en", "de"])),
            certificate=env.path("SIGNER_CERTIFICATE", defaults.certificate),
            certificate_passphrase=env.str("SIGNER_CERTIFICATE_PASSPHRASE", "") or None,
            tsa_url=http_url(env, "SIGNER_TSA_URL", None),
            reads_per_minute=_calls(env, "SIGNER_READS_PER_MINUTE", defaults.reads_per_minute),
            writes_per_minute=_calls(env, "SIGNER_WRITES_PER_MINUTE", defaults.writes_per_minute),
            trusted_proxies=networks(env, "TRUSTED_PROXIES"),
            log_level=log_level(env),
            log_format=log_format(env),
        )
    except ValueError as error:  # EnvError is one; a file that cannot be read is plain
        raise SettingsError(one_line(error)) from error


@dataclass(frozen=True, kw_only=True)
class SignerPlaces:
    """Where the signing service keeps its database, its files and its key."""

    database_url: str
    storage_url: str
    certificate: Path
    s3_endpoint_url: str | None


def load_signer_places() -> SignerPlaces:
    """Read where the signing service keeps what it has, which needs no key; raise SettingsError."""
    env = FileAwareEnv(strip_whitespace=True)
    try:
        return SignerPlaces(
            database_url=database_url(env, "SIGNER_DATABASE_URL", SignerSettings.database_url),
            storage_url=env.str("SIGNER_STORAGE_URL", SignerSettings.storage_url),
            certificate=env.path("SIGNER_CERTIFICATE", SignerSettings.certificate),
            s3_endpoint_url=http_url(env, "S3_ENDPOINT_URL", None),
        )
    except ValueError as error:
        raise SettingsError(one_line(error)) from error


def _calls(env: FileAwareEnv, name: str, default: int) -> int:
    return env.int(name, default, validate=Range(min=1))


def _smtp_url(env: FileAwareEnv) -> str | None:
    value = env.str("SIGNER_SMTP_URL", "")
    if value and not value.startswith(("smtp://", "smtps://")):
        raise SettingsError("SIGNER_SMTP_URL must look like smtp://user:password@host:587 or smtps://…:465.")
    return value or None
