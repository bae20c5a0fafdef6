"""Finishes envelopes that everybody has signed: stamp, seal, certificate; once each, whatever crashes on the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement

from app.domain import clock
from app.domain.backoff import exponential
from app.domain.errors import UnreadablePdf
from app.domain.ports import FileStorage
from app.pdf.sandbox import Sandbox, SandboxError
from app.signer import audit
from app.signer.answers import CHECK_TYPES, CHECKED, DRAWN_PREFIX, RADIO, SIGNATURE_TYPES, TYPED_PREFIX, decode_drawn
from app.signer.certificate_facts import certificate_facts
from app.signer.database import Database
from app.signer.envelopes import lock_envelope
from app.signer.events import EventOutbox, EventType
from app.signer.facts import CertificateFacts
from app.signer.leases import LeasedQueue, TryAgain
from app.signer.letters import Letters
from app.signer.models import Envelope, EnvelopeStatus, Field
from app.signer.sealer import SandboxedSealer, SealedDocument

REASON = "Completed with Countersign"
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class _Finished:
    """The files of a finished envelope, not stored yet."""

    document: SealedDocument
    certificate: SealedDocument
    sealed_at: datetime


class SealingQueue(LeasedQueue):
    """Finished envelopes without their sealed document."""

    model = Envelope
    name = "sealing"
    lease = timedelta(minutes=2)

    def __init__(  # noqa: PLR0913 (keyword-only parts)
        self,
        database: Database,
        *,
        storage: FileStorage,
        sandbox: Sandbox,
        sealer: SandboxedSealer,
        events: EventOutbox,
        letters: Letters,
    ) -> None:
        super().__init__(database)
        self._storage = storage
        self._sandbox = sandbox
        self._sealer = sealer
        self._events = events
        self._letters = letters

    def conditions(self) -> list[ColumnElement[bool]]:
        """Only what is finished and not sealed."""
        return [Envelope.status == EnvelopeStatus.FINISHED, Envelope.sealed_at.is_(None)]

    def wait_after(self, attempts: int) -> timedelta:
        """Return 5 s at first, doubled up to ten minutes. It is never given up: the people have signed."""
        return exponential(attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)

    def work(self, row_id: Any, owner: str) -> None:
        """Make both files, store them, then say so in one transaction."""
        with self.database.reading() as session:
            envelope = session.get_one(Envelope, row_id)
            # Everything that is needed is read while the transaction lasts.
            marks, facts = list(_marks(envelope)), certificate_facts(envelope)
        try:
            finished = self._finish(envelope, marks, facts)
            self._record(envelope, owner, finished)
        except (UnreadablePdf, SandboxError, OSError) as error:
            raise TryAgain(f"{type(error).__name__}: {error}") from error

    def _finish(self, envelope: Envelope, marks: list[dict[str, Any]], facts: CertificateFacts) -> _Finished:
        stamped = self._sandbox.call(
            "app.signer.stamping:stamp",
            content=self._storage.read(envelope.document_key),
            marks=marks,
            hide=envelope.hidden_texts,
        )
        sealed_at = clock.utcnow()
        document = self._sealer.seal(stamped["document"], reason=REASON, signed_at=sealed_at)
        facts["sha256_after"] = sha256(document.content).hexdigest()
        facts["issued_at"] = sealed_at.isoformat()
        facts["missing_glyphs"] = stamped["missing_glyphs"]
        facts["seal"] = {
            "fingerprint_sha256": document.fingerprint_sha256,
            "timestamped": document.timestamped,
            "timestamp_wanted": self._sealer.tsa_url is not None,
            "self_signed": self._sealer.is_self_signed,
        }
        drawn = self._sandbox.call("app.signer.certificate:draw_certificate", facts=facts)
        certificate = self._sealer.seal(drawn, reason=REASON, signed_at=sealed_at)
        return _Finished(document=document, certificate=certificate, sealed_at=sealed_at)

    def _record(self, envelope: Envelope, owner: str, finished: _Finished) -> None:
        signed = self._save(envelope, "signed", finished.document)
        certificate = self._save(envelope, "certificate", finished.certificate)
        with self.database.unit_of_work() as session:
            current = lock_envelope(session, envelope.id)
            if current.lease_owner != owner or current.sealed_at is not None:
                # We took so long that somebody else took over; what they seal is what counts.
                return
            current.sealed_at = current.updated_at = finished.sealed_at
            current.signed_key, current.signed_sha256 = signed
            current.certificate_key, current.certificate_sha256 = certificate
            current.timestamped = finished.document.timestamped
            current.next_attempt_at = current.lease_owner = current.lease_until = current.last_error = None
            details = {"document_sha256": current.signed_sha256, "certificate_sha256": current.certificate_sha256}
            audit.record_service(session, current, "document_sealed", "Sealed the document", details)
            self._events.add(session, current, EventType.CERTIFICATE_GENERATED)
            self._letters.send_final_copies(session, current, size=len(finished.document.content))

    def _save(self, envelope: Envelope, kind: str, sealed: SealedDocument) -> tuple[str, str]:
        digest = sha256(sealed.content).hexdigest()
        key = f"envelopes/{envelope.id}/{kind}-{digest}.pdf"
        self._storage.save(key, sealed.content)
        return key, digest


def _marks(envelope: Envelope) -> Iterator[dict[str, Any]]:
    """Return what is drawn onto the pages, in the words of the stamping."""
    for field in envelope.fields:
        if field.value:
            yield from ({**field.place, **look} for look in _look(field, field.value))


def _look(field: Field, value: str) -> Iterator[dict[str, Any]]:
    if value.startswith(DRAWN_PREFIX) and field.type in SIGNATURE_TYPES:
        yield {"kind": "image", "png": decode_drawn(value)}
    elif field.type in SIGNATURE_TYPES:
        yield {"kind": "typed_signature", "value": value.removeprefix(TYPED_PREFIX)}
    elif field.type in CHECK_TYPES or field.type == RADIO:
        if value == CHECKED:
            yield {"kind": "check"}
    else:
        yield {"kind": "text", "value": value, "multiline": field.type == "text_area"}
