"""Reading single settings: what each kind of value may be."""

from collections.abc import Iterable
from importlib.util import find_spec
from ipaddress import ip_network
from urllib.parse import urlsplit

from environs import FileAwareEnv
from marshmallow.validate import OneOf, Range
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

ONE_YEAR = 31_536_000
MINIMUM_SECRET_LENGTH = 16
PLACEHOLDERS = ("changeme", "change-me", "change_me", "secret", "password", "example", "your-")


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line that names the variable."""


def one_line(error: ValueError) -> str:
    """Return an error's text as one line."""
    return " ".join(str(error).split())


def log_level(env: FileAwareEnv) -> str:
    """Read how much is logged."""
    return env.str("LOG_LEVEL", "info", validate=OneOf(["debug", "info", "warning", "error"]))


def log_format(env: FileAwareEnv) -> str:
    """Read in which form it is logged."""
    return env.str("LOG_FORMAT", "json", validate=OneOf(["json", "console"]))


def seconds(env: FileAwareEnv, name: str, default: float) -> float:
    """Read a number of seconds, 0 to a year."""
    return env.float(name, default, validate=Range(min=0, max=ONE_YEAR))


def items(env: FileAwareEnv, name: str, default: str = "") -> list[str]:
    """Read a comma-separated list."""
    return [item.strip() for item in env.str(name, default).split(",") if item.strip()]


def timeout(env: FileAwareEnv, name: str, default: float) -> float:
    """Read a number of seconds, more than 0."""
    return env.float(name, default, validate=Range(min=0, min_inclusive=False, max=ONE_YEAR))


def database_url(env: FileAwareEnv, name: str, default: str) -> str:
    """Read the URL of a SQLite or PostgreSQL database; raise SettingsError for another."""
    value = env.str(name, default)
    require_database(name, value)
    return value


def require_database(name: str, value: str) -> URL:
    """Return the URL, read, of a database that we can speak to; raise SettingsError for another. Nothing is opened."""
    try:
        url = make_url(value)
    except ArgumentError as error:
        raise SettingsError(f"{name} is not a database URL; one is sqlite:////folder/countersign.db.") from error
    if url.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise SettingsError(f"{name} must begin with sqlite:/// or postgresql+psycopg://, not {url.drivername}://.")
    if url.drivername == "sqlite" and url.database in {None, "", ":memory:"}:
        raise SettingsError(f"{name} must name a file: what is only in memory is gone with the process.")
    if url.drivername != "sqlite" and find_spec("psycopg") is None:
        raise SettingsError(f"{name} is PostgreSQL, which needs one more package; {install('postgres')}.")
    return url


def install(extra: str) -> str:
    """Say how to install what only some need (setup.cfg, extras), in the folder of the program."""
    return f"run: .venv/bin/python -m pip install -e '.[{extra}]'"


def networks(env: FileAwareEnv, name: str, default: str = "") -> tuple[str, ...]:
    """Read a comma-separated list of addresses and networks; raise SettingsError for anything else in it."""
    listed = tuple(items(env, name, default))
    try:
        for network in listed:
            ip_network(network)
    except ValueError as error:
        raise SettingsError(f"{name} must be addresses or networks, comma-separated: {error}.") from error
    return listed


def bind(env: FileAwareEnv, name: str) -> tuple[str, int] | None:
    """Read where to listen, as `host:port` (`[::1]:9464`); raise SettingsError for anything else."""
    value = env.str(name, "")
    if not value:
        return None
    try:
        parts = urlsplit(f"//{value}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"{name} must be host:port, such as 127.0.0.1:9464.") from error
    if not host or not port or parts.netloc != value:
        raise SettingsError(f"{name} must be host:port, such as 127.0.0.1:9464.")
    return host, port


def http_url(env: FileAwareEnv, name: str, default: str | None) -> str | None:
    """Read a web address, without the slash at its end; raise SettingsError for another."""
    value = env.str(name, "").rstrip("/")
    if not value:
        return default
    if not _is_web_address(value):
        raise SettingsError(f"{name} must be an http:// or https:// address.")
    return value


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        is_somewhere = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_clean = value.startswith(("http://", "https://")) and not any(character.isspace() for character in value)
    return is_somewhere and is_clean


def secrets(env: FileAwareEnv, name: str) -> tuple[str, ...]:
    """Read a comma-separated list of secrets; raise SettingsError for a weak one."""
    return tuple(_require_strong(name, value) for value in items(env, name))


def secret(name: str, value: str) -> str | None:
    """Return a strong secret, or None for an empty one; raise SettingsError for a weak one."""
    return _require_strong(name, value.strip()) if value.strip() else None


def _require_strong(name: str, value: str) -> str:
    """Refuse what can be guessed: a service that starts with a default secret is one that everybody can use."""
    if len(value) < MINIMUM_SECRET_LENGTH or _is_placeholder(value, PLACEHOLDERS):
        raise SettingsError(f"{name} is too weak: at least {MINIMUM_SECRET_LENGTH} characters, and not a placeholder.")
    return value


def _is_placeholder(value: str, placeholders: Iterable[str]) -> bool:
    return value.lower().startswith(tuple(placeholders))
