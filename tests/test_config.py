"""Every setting: its default, a good value, and bad ones that stop the start with one line."""

import re
import sys

import pytest

from app.config import Settings, SettingsError, SignerSettings, load_settings, load_signer_settings
from app.factory import create_app
from app.foundation import build_dependencies

SECRET = "a-strong-secret-0123456789"
OTHER_SECRET = "another-strong-one-9876543"

#: Variable, member, good values and what becomes of them.
GOOD = [
    ("DATABASE_URL", "database_url", "sqlite:////srv/c.db", "sqlite:////srv/c.db"),
    ("DATABASE_URL", "database_url", "postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
    ("STORAGE_URL", "storage_url", "file:/srv/files", "file:/srv/files"),
    ("PUBLIC_URL", "public_url", "https://sign.example.com/", "https://sign.example.com"),
    ("PUBLIC_URL", "public_url", "", "http://127.0.0.1:8000"),
    ("SIGNING_PROVIDER_URL", "signing_provider_url", "https://a.test/x/", "https://a.test/x"),
    ("SIGNING_PROVIDER_API_KEY", "signing_provider_api_key", f" {SECRET} ", SECRET),
    ("SIGNING_PROVIDER_WEBHOOK_SECRETS", "signing_provider_webhook_secrets", SECRET, (SECRET,)),
    (
        "SIGNING_PROVIDER_WEBHOOK_SECRETS",
        "signing_provider_webhook_secrets",
        f"{SECRET}, {OTHER_SECRET}",
        (SECRET, OTHER_SECRET),
    ),
    ("PROVIDER_CONNECT_TIMEOUT", "provider_connect_timeout", "2.5", 2.5),
    ("PROVIDER_READ_TIMEOUT", "provider_read_timeout", "31", 31),
    ("PROVIDER_CREATE_TIMEOUT", "provider_create_timeout", "61", 61),
    ("PROVIDER_DOUBT_SECONDS", "provider_doubt_seconds", "601", 601),
    ("PROVIDER_POLL_SECONDS", "provider_poll_seconds", "901", 901),
    ("IDEMPOTENCY_WAIT_SECONDS", "idempotency_wait_seconds", "0", 0),
    ("WORKER_IDLE_SECONDS", "worker_idle_seconds", "0.1", 0.1),
    ("ARCHIVE_DEADLINE_SECONDS", "archive_deadline_seconds", "601", 601),
    ("TRUSTED_PROXIES", "trusted_proxies", "10.0.0.1, 2001:db8::/32", ("10.0.0.1", "2001:db8::/32")),
    ("WORKER_METRICS_BIND", "worker_metrics_bind", "127.0.0.1:9464", ("127.0.0.1", 9464)),
    ("WORKER_METRICS_BIND", "worker_metrics_bind", "[::1]:9464", ("::1", 9464)),
    ("LOG_LEVEL", "log_level", "debug", "debug"),
    ("LOG_FORMAT", "log_format", "console", "console"),
]

TIMEOUTS = ["PROVIDER_CONNECT_TIMEOUT", "PROVIDER_READ_TIMEOUT", "PROVIDER_CREATE_TIMEOUT", "WEBHOOK_TIMEOUT"]
SECONDS = [
    *TIMEOUTS,
    "PROVIDER_DOUBT_SECONDS",
    "PROVIDER_POLL_SECONDS",
    "IDEMPOTENCY_WAIT_SECONDS",
    "WORKER_IDLE_SECONDS",
    "ARCHIVE_DEADLINE_SECONDS",
]
WEAK = ["short", "changeme-changeme-changeme", "secret-secret-secret", "PASSWORD0123456789", "your-key-goes-here-123"]
URLS = [
    "sign.example.com",
    "ftp://example.com",
    "https://a b",
    "javascript:alert(1)",
    "https://",
    "https://:80",
    "https://[::1",
    "https://a.test:99999",
]

BAD = [
    *[(name, value) for name in SECONDS for value in ("soon", "-1", "nan", "inf", "1e99")],
    *[(name, "0") for name in TIMEOUTS],
    *[(name, value) for name in ("PUBLIC_URL", "SIGNING_PROVIDER_URL") for value in URLS],
    *[(name, value) for name in ("SIGNING_PROVIDER_API_KEY", "SIGNING_PROVIDER_WEBHOOK_SECRETS") for value in WEAK],
    ("SIGNING_PROVIDER_WEBHOOK_SECRETS", f"{SECRET},short"),
    *[("TRUSTED_PROXIES", value) for value in ("proxy.test", "10.0.0.1/8", "*", "10.0.0.1 10.0.0.2")],
    *[("WORKER_METRICS_BIND", value) for value in ("9464", ":9464", "host", "host:http", "host:0", "a@host:9464/")],
    ("DATABASE_URL", "nonsense"),
    ("DATABASE_URL", "mysql://u:p@h/d"),
    ("DATABASE_URL", "postgresql://u:p@h/d"),
    ("DATABASE_URL", ""),
    *[("DATABASE_URL", value) for value in ("sqlite://", "sqlite:///", "sqlite:///:memory:")],
    ("LOG_LEVEL", "loud"),
    ("LOG_LEVEL", "DEBUG "),
    ("LOG_FORMAT", "xml"),
]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """Start from an environment without any setting."""
    import os

    ours = re.compile(
        r"(DATABASE|STORAGE|PUBLIC|SIGN|PROVIDER|IDEMPOTENCY|WORKER|WEBHOOK|ARCHIVE|LOG|RATE|TRUSTED)[A-Z_]*"
    )
    for name in list(os.environ):
        if ours.fullmatch(name):
            monkeypatch.delenv(name)


def refused(load):
    """Check that loading fails with one line; return it."""
    with pytest.raises(SettingsError) as caught:
        load()
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_without_any_variable_the_defaults_hold():
    assert load_settings() == Settings()


def test_signing_is_not_configured_by_default():
    assert build_dependencies(load_settings()).signing is None


@pytest.mark.parametrize(("variable", "member", "value", "expected"), GOOD)
def test_a_good_value_is_taken(monkeypatch, variable, member, value, expected):
    monkeypatch.setenv(variable, value)

    assert getattr(load_settings(), member) == expected


@pytest.mark.parametrize(("variable", "value"), BAD)
def test_a_bad_value_is_one_line_that_names_the_variable(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)

    assert variable in refused(load_settings)


@pytest.mark.parametrize("value", WEAK)
def test_a_refused_secret_is_not_repeated(monkeypatch, value):
    monkeypatch.setenv("SIGNING_PROVIDER_API_KEY", value)

    assert value not in refused(load_settings)


def test_a_secret_is_in_no_repr(monkeypatch):
    monkeypatch.setenv("SIGNING_PROVIDER_API_KEY", SECRET)
    monkeypatch.setenv("SIGNING_PROVIDER_WEBHOOK_SECRETS", OTHER_SECRET)

    shown = repr(load_settings())

    assert SECRET not in shown
    assert OTHER_SECRET not in shown


def test_a_value_may_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "key").write_text(f"{SECRET}\n")
    monkeypatch.setenv("SIGNING_PROVIDER_API_KEY_FILE", str(tmp_path / "key"))

    assert load_settings().signing_provider_api_key == SECRET


def test_a_file_that_is_not_there_is_one_line_that_names_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("SIGNING_PROVIDER_API_KEY_FILE", str(tmp_path / "nothing"))

    assert "SIGNING_PROVIDER_API_KEY" in refused(load_settings)


@pytest.mark.parametrize("value", ["s3://", "/srv/files", "file:", "file://host/srv"])
def test_a_storage_that_is_not_known_is_one_line_that_names_the_variable(monkeypatch, value):
    monkeypatch.setenv("STORAGE_URL", value)

    assert "STORAGE_URL" in refused(create_app)


def test_postgresql_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://u:p@h/d")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "psycopg", raising=False)

    assert refused(load_settings).endswith("run: .venv/bin/python -m pip install -e '.[postgres]'.")


def test_one_half_of_the_signing_service_is_not_enough(monkeypatch):
    monkeypatch.setenv("SIGNING_PROVIDER_URL", "https://provider.test/signing-request-api")

    assert build_dependencies(load_settings()).signing is None


# --- The bundled signing service -------------------------------------------------------------------------------------


@pytest.fixture
def signer_keys(monkeypatch):
    monkeypatch.setenv("SIGNER_API_KEYS", SECRET)


def test_the_signing_service_needs_a_key_and_has_defaults_for_the_rest(signer_keys):
    assert load_signer_settings() == SignerSettings(api_keys=(SECRET,))


@pytest.mark.parametrize("value", ["", " , ", *WEAK])
def test_the_signing_service_does_not_start_without_a_strong_key(monkeypatch, value):
    monkeypatch.setenv("SIGNER_API_KEYS", value)

    assert "SIGNER_API_KEYS" in refused(load_signer_settings)


def test_events_of_the_signing_service_must_be_signed(signer_keys, monkeypatch):
    monkeypatch.setenv("SIGNER_WEBHOOK_URL", "http://127.0.0.1:8000/hooks/signing-provider")
    assert "SIGNER_WEBHOOK_SECRET" in refused(load_signer_settings)

    monkeypatch.setenv("SIGNER_WEBHOOK_SECRET", OTHER_SECRET)
    assert load_signer_settings().webhook_secret == OTHER_SECRET


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SIGNER_DATABASE_URL", "nonsense"),
        ("SIGNER_PUBLIC_URL", "sign.example.com"),
        ("SIGNER_WEBHOOK_URL", "ftp://example.com"),
        ("SIGNER_WEBHOOK_SECRET", "short"),
        ("SIGNER_SMTP_URL", "mail.example.com:25"),
        ("SIGNER_TSA_URL", "tsa.example.com"),
        ("SIGNER_READS_PER_MINUTE", "0"),
        ("SIGNER_WRITES_PER_MINUTE", "many"),
        ("SIGNER_WEBHOOK_OLD_SECRET", "short"),
        ("SIGNER_WEBHOOK_DISABLE_AFTER", "-1"),
        ("TRUSTED_PROXIES", "proxy.test"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_of_the_signing_service_is_one_line_that_names_the_variable(
    signer_keys, monkeypatch, variable, value
):
    monkeypatch.setenv(variable, value)

    assert variable in refused(load_signer_settings)


def test_limits_are_off_for_keys_and_on_for_failed_authentication():
    settings = load_settings()

    assert settings.rate_limit_per_key is None
    assert settings.rate_limit_failed_auth == "300 per minute"


@pytest.mark.parametrize("name", ["RATE_LIMIT_PER_KEY", "RATE_LIMIT_FAILED_AUTH"])
def test_a_limit_that_cannot_be_read_stops_the_start(name, monkeypatch):
    monkeypatch.setenv(name, "often")

    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_calls_are_counted_in_memory_or_in_redis(monkeypatch):
    monkeypatch.setenv("RATELIMIT_STORAGE_URI", "mongodb://127.0.0.1")

    with pytest.raises(SettingsError, match="RATELIMIT_STORAGE_URI"):
        load_settings()


def test_metrics_are_for_this_machine_alone_by_default():
    assert load_settings().metrics_allowed_cidrs == ("127.0.0.0/8", "::1/128")


@pytest.mark.parametrize("name", ["METRICS_ALLOWED_CIDRS", "TRUSTED_PROXIES"])
def test_a_network_that_is_none_stops_the_start(name, monkeypatch):
    monkeypatch.setenv(name, "everybody")

    with pytest.raises(SettingsError, match=name):
        load_settings()
