"""Whether the document may be shown to whoever has a link. Asked for every picture of a page, so it is one query."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, func, select

from app.domain import clock
from app.domain.errors import NotFound
from app.prepared import Prepared
from app.signer.ceremony_view import STATE_OF_ENVELOPE, CeremonyClosed, CeremonyState, CodeNeeded, is_locked
from app.signer.database import Database
from app.signer.links import hash_token
from app.signer.models import Envelope, EnvelopeStatus, Link, Recipient

_links, _recipients, _envelopes = (model.__table__.c for model in (Link, Recipient, Envelope))

_BY_TOKEN = Prepared(
    select(
        _links.recipient_id,
        _links.confirmed_at,
        _recipients.viewed_at,
        _envelopes.status,
        _envelopes.expires_at,
        _envelopes.settings,
        _envelopes.document_sha256,
        _envelopes.document_key,
        func.json_array_length(_envelopes.pages).label("page_count"),
    )
    .where(_links.token_hash == bindparam("token_hash"))
    .join_from(Link.__table__, Recipient.__table__)
    .join(Envelope.__table__)
)


@dataclass(frozen=True, kw_only=True)
class ShownDocument:
    """A document that may be shown, and to whom."""

    recipient_id: UUID
    sha256: str
    key: str
    page_count: int


def find_shown_document(database: Database, token: str) -> ShownDocument:
    """Return the document behind a link, if the person has opened it and the envelope is still open.

    Raises NotFound for an unknown token, else CeremonyClosed. Whoever has opened a document had their turn, and keeps
    it until they have signed.
    """
    row = database.look_up(_BY_TOKEN, token_hash=hash_token(token))
    if row is None:
        raise NotFound("There is no such link.")
    if is_locked(row.settings, confirmed_at=row.confirmed_at):
        raise CodeNeeded(CeremonyState.READY)
    if row.status is not EnvelopeStatus.SENT:
        raise CeremonyClosed(STATE_OF_ENVELOPE[row.status])
    if row.expires_at <= clock.utcnow():
        raise CeremonyClosed(CeremonyState.EXPIRED)
    if row.viewed_at is None:
        raise CeremonyClosed(CeremonyState.WAITING)
    return ShownDocument(
        recipient_id=row.recipient_id, sha256=row.document_sha256, key=row.document_key, page_count=row.page_count
    )
