"""What of the signing service has to be kept besides its tables: the files that rows name."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from app.domain import clock
from app.signer.models import Envelope, Upload


def named_files(connection: Connection) -> Iterator[tuple[str, str | None]]:
    """Return the key of each file that a row names, and its SHA-256 where the row knows it.

    Page images are made anew; what was uploaded and not used yet counts for as long as it can be.
    """
    documents = select(
        Envelope.document_key,
        Envelope.document_sha256,
        Envelope.signed_key,
        Envelope.signed_sha256,
        Envelope.certificate_key,
        Envelope.certificate_sha256,
    ).where(Envelope.erased_at.is_(None))
    for row in connection.execute(documents):
        document, document_sha256, signed, signed_sha256, certificate, certificate_sha256 = row
        yield document, document_sha256
        if signed is not None:
            yield signed, signed_sha256
        if certificate is not None:
            yield certificate, certificate_sha256
    waiting = select(Upload.document_key).where(Upload.used_at.is_(None), Upload.expires_at > clock.utcnow())
    for key in connection.scalars(waiting):
        if key is not None:
            yield key, None
