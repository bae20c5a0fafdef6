"""Large documents, in two steps: announced with the API key, put without it (provider fact sheet, section 3)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain import clock, ids
from app.domain.errors import Conflict, InvalidRequest, NotFound
from app.domain.ports import FileStorage
from app.signer.database import Database
from app.signer.links import hash_token, new_token
from app.signer.models import Upload

LIFETIME = timedelta(hours=1)
MAX_BYTES = 52_428_800
PDF = "application/pdf"


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """Where a document is to be put, and under which id it can then be used."""

    document_id: UUID
    token: str
    expires_in: int


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """The documents that were announced and not used yet."""

    database: Database
    storage: FileStorage

    def announce(self, *, file_name: str, file_size: int, content_type: str) -> Announcement:
        """Make room for one document."""
        token, now, document_id = new_token(), clock.utcnow(), ids.new_id()
        upload = Upload(
            id=document_id,
            token_hash=hash_token(token),
            file_name=file_name,
            file_size=file_size,
            content_type=content_type,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        with self.database.unit_of_work() as session:
            session.add(upload)
        return Announcement(document_id=document_id, token=token, expires_in=int(LIFETIME.total_seconds()))

    def check(self, token: str) -> Upload:
        """Return what is to be put there; raises NotFound for a wrong or late token, Conflict the second time."""
        with self.database.reading() as session:
            upload = session.scalar(select(Upload).where(Upload.token_hash == hash_token(token)))
        if upload is None or upload.expires_at <= clock.utcnow():
            raise NotFound("There is no such upload.")
        if upload.document_key is not None:
            raise Conflict("This address has been used.")
        return upload

    def put(self, token: str, content: bytes, *, content_type: str) -> None:
        """Store the bytes; raises what `check` does, and InvalidRequest for another file than the announced one."""
        upload = self.check(token)
        if content_type != upload.content_type or len(content) != upload.file_size:
            raise InvalidRequest("The file is not the one that was announced.")
        key = f"uploads/{upload.id}.pdf"
        self.storage.save(key, content)
        with self.database.unit_of_work() as session:
            statement = update(Upload).where(Upload.id == upload.id, Upload.document_key.is_(None))
            if session.scalar(statement.values(document_key=key).returning(Upload.id)) is None:
                raise Conflict("This address has been used.")

    def read(self, document_id: UUID) -> bytes:
        """Return the document; raises NotFound when it was never put, or is used already."""
        with self.database.reading() as session:
            upload = session.get(Upload, document_id)
        if upload is None or upload.document_key is None or upload.used_at is not None:
            raise NotFound("There is no such document.")
        return self.storage.read(upload.document_key)

    def clear_expired(self, limit: int) -> int:
        """Delete the files of addresses whose time is over, used or not; return how many that were."""
        expired = select(Upload).where(Upload.document_key.is_not(None), Upload.expires_at <= clock.utcnow())
        with self.database.reading() as session:
            uploads = list(session.scalars(expired.limit(limit)))
        for upload in uploads:
            if upload.document_key is not None:
                self.storage.delete(upload.document_key)
            with self.database.unit_of_work() as session:
                session.execute(update(Upload).where(Upload.id == upload.id).values(document_key=None))
        return len(uploads)


def use_upload(session: Session, document_id: UUID) -> None:
    """Take the document for one envelope; raises Conflict when another one has it."""
    statement = update(Upload).where(Upload.id == document_id, Upload.used_at.is_(None))
    if session.scalar(statement.values(used_at=clock.utcnow()).returning(Upload.id)) is None:
        raise Conflict("This document is used by another envelope.")
