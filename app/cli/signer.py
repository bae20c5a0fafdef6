"""What commands do with the bundled signing service: `verify`, `audit verify`, its part of `doctor`, backups, erasing.

The service is imported when a command needs it: that takes half a second which the others need not wait for.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click
from sqlalchemy.exc import SQLAlchemyError

from app.config import SettingsError, SignerPlaces, load_signer_places
from app.domain.errors import NotFound
from app.domain.findings import Finding
from app.domain.ports import FileStorage
from app.gateways.storage.factory import open_storage
from app.schema import NEWER, read_schema, require_schema
from app.services.holdings import Holding

if TYPE_CHECKING:
    from app.signer.database import Database


#: What brings the tables of the signing service up to date.
REMEDY = "start the signing service once, which upgrades them"


@click.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The certificate (PEM) that it should be sealed with. Default: the signing service's own.",
)
def verify_seal(file: Path, certificate: Path | None) -> None:
    """Check the seal of a PDF, offline. Says in plain words what holds and what does not."""
    from app.signer.verification import verify_file  # noqa: PLC0415 (see above)

    try:
        verdict = verify_file(file, certificate=certificate or _own_certificate())
    except (SettingsError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    for sentence in verdict.sentences():
        click.echo(sentence)
    click.echo("The seal holds." if verdict.ok else "THE SEAL DOES NOT HOLD.")
    sys.exit(0 if verdict.ok else 1)


def _own_certificate() -> Path:
    """Return where the signing service's certificate is, which it keeps beside its key; raise SettingsError."""
    path = load_signer_places().certificate.with_suffix(".pem")
    if not path.is_file():
        raise SettingsError(
            f"There is no certificate {path}. The signing service makes it when it starts (SIGNER_CERTIFICATE);"
            " or name another with --certificate."
        )
    return path


@click.group("audit")
def audit_group() -> None:
    """Check what the bundled signing service has written down."""


@audit_group.command("verify")
@click.argument("envelope_id", type=click.UUID)
@click.option("--hash", "certificate_hash", help="The hash of the last line, as on the certificate of completion.")
def verify_audit(envelope_id: UUID, certificate_hash: str | None) -> None:
    """Check an audit trail, offline. The envelope's id is on its certificate of completion."""
    from app.signer.audit_check import check_trail  # noqa: PLC0415 (see above)

    try:
        places = load_signer_places()
        storage = _open_storage(places)
        with _existing(places.database_url) as database:
            if database is None:
                raise click.ClickException("There is no database at SIGNER_DATABASE_URL.")
            statements = check_trail(database, storage, envelope_id, certificate_hash=certificate_hash)
    except (SettingsError, ValueError, NotFound) as error:
        raise click.ClickException(str(error)) from error
    except SQLAlchemyError as error:
        raise click.ClickException(f"SIGNER_DATABASE_URL cannot be read ({type(error).__name__}).") from error
    for statement in statements:
        click.echo(statement.sentence)
    holds = all(statement.holds for statement in statements)
    click.echo("The audit trail holds." if holds else "THE AUDIT TRAIL DOES NOT HOLD.")
    sys.exit(0 if holds else 1)


def forget_envelopes(provider_ids: Sequence[str]) -> None:
    """Erase these envelopes in the signing service's own database and files, where they are on this machine.

    What is not there is passed over: it belongs to a signing service elsewhere.
    """
    from app.signer.erasure import erase  # noqa: PLC0415 (see above)

    places = load_signer_places()
    with _existing(places.database_url) as database:
        if database is None:
            return
        storage = _open_storage(places)
        try:
            for envelope_id in filter(None, map(_envelope_id, provider_ids)):
                erase(database, storage, envelope_id)
        except SQLAlchemyError as error:
            raise click.ClickException(f"SIGNER_DATABASE_URL cannot be used ({type(error).__name__}).") from error


def examine() -> Iterator[Finding]:
    """Look at the signing service's own database, where it is on this machine; else there is nothing to say."""
    from app.signer import doctor  # noqa: PLC0415 (see above)
    from app.signer.database import MIGRATIONS  # noqa: PLC0415 (see above)

    subject = "bundled signing service"
    with _existing(load_signer_places().database_url) as database:
        if database is None:
            return
        try:
            with database.reading() as session:
                schema = read_schema(session.connection(), MIGRATIONS)
            if not schema.is_current:
                yield Finding(subject=subject, state=schema.state, advice=NEWER if schema.is_newer else REMEDY)
                return
            yield from doctor.examine(database)
        except SQLAlchemyError as error:
            yield Finding(
                subject=subject,
                state=f"its database cannot be read ({type(error).__name__})",
                advice="see that SIGNER_DATABASE_URL is right and that the database runs",
            )


def holding(*, existing: bool) -> Holding | None:
    """Return what the signing service keeps; with `existing`, None where there is nothing of it on this machine.

    Raises SettingsError, and WrongSchema when its tables are not those of this version.
    """
    from app.signer.database import MIGRATIONS  # noqa: PLC0415 (see above)
    from app.signer.holdings import named_files  # noqa: PLC0415 (see above)
    from app.signer.models import SignerBase  # noqa: PLC0415 (see above)

    places = load_signer_places()
    if existing:
        with _existing(places.database_url) as database:
            if database is None:
                return None
            try:
                require_schema(database.engine, MIGRATIONS, place="SIGNER_DATABASE_URL", remedy=REMEDY)
            except SQLAlchemyError as error:
                raise click.ClickException(f"SIGNER_DATABASE_URL cannot be read ({type(error).__name__}).") from error
    return Holding(
        name="signer",
        setting="SIGNER_DATABASE_URL",
        database_url=places.database_url,
        metadata=SignerBase.metadata,
        migrations=MIGRATIONS,
        storage=_open_storage(places),
        named_files=named_files,
        key_file=places.certificate,
    )


def _open_storage(places: SignerPlaces) -> FileStorage:
    try:
        return open_storage(places.storage_url, s3_endpoint_url=places.s3_endpoint_url)
    except ValueError as error:
        raise SettingsError(f"SIGNER_STORAGE_URL: {error}") from error


def _envelope_id(provider_id: str) -> UUID | None:
    """Return the id as the bundled service has them; None for one that only another service can have given."""
    try:
        return UUID(provider_id)
    except ValueError:
        return None


@contextmanager
def _existing(url: str) -> Iterator["Database | None"]:
    from app.signer.database import existing_database  # noqa: PLC0415 (see above)

    database = existing_database(url)
    try:
        yield database
    finally:
        if database is not None:
            database.engine.dispose()
