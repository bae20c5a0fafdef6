"""Checks an envelope's audit trail offline and says in plain words what holds and what does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.domain.errors import NotFound
from app.domain.ports import FileStorage
from app.signer.audit import ERASED, find_break, find_erased
from app.signer.database import Database
from app.signer.models import AuditEntry, Envelope


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One sentence, and whether it is good news."""

    holds: bool
    sentence: str


def check_trail(
    database: Database, storage: FileStorage, envelope_id: UUID, *, certificate_hash: str | None = None
) -> list[Statement]:
    """Judge the chain, and the files that it names; raise NotFound.

    `certificate_hash` is the one on the certificate of completion. The chain alone cannot show that lines were taken
    off its end; that hash, which lies under a seal, can.
    """
    with database.reading() as session:
        envelope = session.scalar(
            select(Envelope).where(Envelope.id == envelope_id).options(selectinload(Envelope.audit))
        )
    if envelope is None:
        raise NotFound("There is no such envelope; its id is on the certificate of completion.")
    entries = envelope.audit
    return [
        _judge_chain(entries),
        *_judge_files(envelope, storage),
        *_judge_end(entries, certificate_hash),
    ]


def _judge_chain(entries: Sequence[AuditEntry]) -> Statement:
    if not entries:
        return Statement(holds=False, sentence="The trail is empty; every envelope's begins when it is sent.")
    broken_at = find_break(entries)
    if broken_at is not None:
        return Statement(
            holds=False,
            sentence=f"The chain breaks at line {broken_at}: that line was changed, or one before it was taken out."
            f" The lines before {broken_at} are as they were written.",
        )
    first, last = entries[0].at, entries[-1].at
    if erased := find_erased(entries):
        numbers = ", ".join(map(str, sorted(erased)))
        return Statement(
            holds=True,
            sentence=f"All {len(entries)} lines, from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC, stand"
            f" where they were written. Lines {numbers} were erased later, as the trail itself says: what they said can"
            " not be checked any more. The others are as they were written.",
        )
    return Statement(
        holds=True,
        sentence=f"All {len(entries)} lines, from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC, are as"
        " they were written, and none is missing between them.",
    )


def _judge_files(envelope: Envelope, storage: FileStorage) -> Iterator[Statement]:
    """Compare the stored files with the digests that the trail, not the envelope's row, holds."""
    erased_at = next((entry.at for entry in envelope.audit if entry.event == ERASED), None)
    if erased_at is not None:
        yield Statement(holds=True, sentence=f"The files were erased on {erased_at:%Y-%m-%d %H:%M:%S} UTC.")
        return
    sealed = next((entry.details for entry in envelope.audit if entry.event == "document_sealed"), {})
    yield _judge_file("document as it was sent", storage, envelope.document_key, _sent_digest(envelope.audit))
    if envelope.signed_key is not None and envelope.certificate_key is not None:
        yield _judge_file("sealed document", storage, envelope.signed_key, sealed.get("document_sha256"))
        yield _judge_file("certificate", storage, envelope.certificate_key, sealed.get("certificate_sha256"))


def _sent_digest(entries: Sequence[AuditEntry]) -> str | None:
    return entries[0].details.get("document_sha256") if entries else None


def _judge_file(name: str, storage: FileStorage, key: str, digest: str | None) -> Statement:
    if digest is None:
        return Statement(holds=False, sentence=f"The trail does not name the {name}.")
    try:
        content = storage.read(key)
    except OSError:
        return Statement(holds=False, sentence=f"The {name} cannot be read from the storage.")
    if sha256(content).hexdigest() != digest:
        return Statement(holds=False, sentence=f"The stored {name} is not the one that the trail names ({digest}).")
    return Statement(holds=True, sentence=f"The stored {name} is the one that the trail names (SHA-256 {digest}).")


def _judge_end(entries: Sequence[AuditEntry], certificate_hash: str | None) -> Iterator[Statement]:
    if certificate_hash is None:
        yield Statement(
            holds=True,
            sentence="Whether lines are missing at the end, the chain alone cannot show: give the hash of the last line"
            " that the certificate of completion names (--hash).",
        )
        return
    line = next((entry.sequence for entry in entries if entry.hash == certificate_hash.lower()), None)
    if line is None:
        yield Statement(
            holds=False,
            sentence="No line has the hash of the certificate of completion: lines are missing at the end, or the"
            " certificate belongs to another envelope.",
        )
        return
    yield Statement(
        holds=True,
        sentence=f"Line {line} has the hash that the certificate of completion names; up to it, all is there.",
    )
