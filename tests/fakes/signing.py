"""A signing service in memory: it works, and it can be told to fail in every way that matters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from app.domain import clock
from app.domain.errors import EnvelopeAlreadyOver, EnvelopeNotFound, FileNotReady, ReminderRefused
from app.domain.ports import (
    EnvelopeDraft,
    EnvelopeState,
    EnvelopeStatus,
    FoundEnvelope,
    RecipientState,
    SentEnvelope,
)


@dataclass
class FakeEnvelope:
    provider_id: str
    draft: EnvelopeDraft
    created_at: datetime
    people: list[RecipientState]
    status: EnvelopeStatus = EnvelopeStatus.OPEN
    cancel_reason: str | None = None
    viewers: list[str] = field(default_factory=list)
    #: Who was reminded, by id, and with which words.
    reminders: list[tuple[tuple[str, ...], str | None]] = field(default_factory=list)
    finished_at: datetime | None = None
    signed_document: bytes | None = None
    certificate: bytes | None = None


@dataclass
class FakeSigningProvider:
    """Implements `SigningProvider`. `before` and `after` run around an operation and may raise."""

    envelopes: dict[str, FakeEnvelope] = field(default_factory=dict)
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    after: dict[str, Callable[[], None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def create_and_send(self, draft: EnvelopeDraft) -> SentEnvelope:
        self._begin("create")
        provider_id = str(uuid4())
        people = [
            RecipientState(provider_id=str(uuid4()), email=person.email, order=person.order)
            for person in draft.recipients
        ]
        self.envelopes[provider_id] = FakeEnvelope(provider_id, draft, clock.utcnow(), people)
        self._end("create")
        return SentEnvelope(provider_id=provider_id, recipients=tuple(people))

    def find_by_reference(self, reference: UUID, *, name: str, created_after: datetime) -> tuple[FoundEnvelope, ...]:
        self._begin("find")
        hits = [
            envelope
            for envelope in self.envelopes.values()
            if envelope.draft.reference == reference
            and name in envelope.draft.name
            and envelope.created_at >= created_after
        ]
        hits.sort(key=lambda envelope: envelope.created_at, reverse=True)
        return tuple(FoundEnvelope(provider_id=hit.provider_id, status=hit.status) for hit in hits)

    def read(self, provider_id: str) -> EnvelopeState:
        self._begin("read")
        envelope = self._get(provider_id)
        return EnvelopeState(
            provider_id=provider_id,
            status=envelope.status,
            recipients=tuple(envelope.people),
            reference=envelope.draft.reference,
            finished_at=envelope.finished_at,
        )

    def viewers(self, provider_id: str) -> tuple[str, ...]:
        self._begin("viewers")
        return tuple(self._get(provider_id).viewers)

    def cancel(self, provider_id: str, *, reason: str | None) -> None:
        self._begin("cancel")
        envelope = self._get(provider_id)
        if envelope.status is not EnvelopeStatus.OPEN:
            raise EnvelopeAlreadyOver("The envelope is over.", operation="cancel", status=409)
        envelope.status = EnvelopeStatus.CANCELLED
        envelope.cancel_reason = reason
        self._end("cancel")

    def remind(self, provider_id: str, *, recipient_ids: Sequence[str], message: str | None) -> None:
        self._begin("remind")
        envelope = self._get(provider_id)
        done = {person.provider_id for person in envelope.people if person.signed_at}
        if envelope.status is not EnvelopeStatus.OPEN or done & set(recipient_ids):
            raise ReminderRefused("Not their turn.", operation="remind", status=409)
        envelope.reminders.append((tuple(recipient_ids), message))
        self._end("remind")

    def delete_draft(self, provider_id: str) -> None:
        self._begin("delete")
        self.envelopes.pop(provider_id, None)

    def download_signed_document(self, provider_id: str) -> bytes:
        self._begin("download")
        content = self._get(provider_id).signed_document
        if content is None:
            raise FileNotReady("Not ready.", operation="download", retry_after=7)
        return content

    def download_certificate(self, provider_id: str) -> bytes:
        self._begin("certificate")
        content = self._get(provider_id).certificate
        if content is None:
            raise FileNotReady("Not ready.", operation="certificate", retry_after=7)
        return content

    def credits(self) -> int:
        self._begin("credits")
        return 100

    # What the recipients and the provider do by themselves.

    def only(self) -> FakeEnvelope:
        (envelope,) = self.envelopes.values()
        return envelope

    def sign(self, envelope: FakeEnvelope, order: int) -> None:
        self._change(envelope, order, signed_at=clock.utcnow())

    def decline(self, envelope: FakeEnvelope, order: int, reason: str | None) -> None:
        self._change(envelope, order, declined_at=clock.utcnow(), decline_reason=reason)
        envelope.status = EnvelopeStatus.DECLINED

    def fail_to_mail(self, envelope: FakeEnvelope, order: int, reason: str) -> None:
        (person,) = [person for person in envelope.people if person.order == order]
        self._change(envelope, order, mail_failures=(*person.mail_failures, reason))

    def finish(self, envelope: FakeEnvelope) -> None:
        for person in list(envelope.people):
            self.sign(envelope, person.order)
        envelope.status = EnvelopeStatus.FINISHED
        envelope.finished_at = clock.utcnow()

    def produce_files(self, envelope: FakeEnvelope, *, signed: bytes, certificate: bytes) -> None:
        envelope.signed_document = signed
        envelope.certificate = certificate

    def _change(self, envelope: FakeEnvelope, order: int, **changes: object) -> None:
        envelope.people = [
            replace(person, **changes) if person.order == order else person  # type: ignore[arg-type]
            for person in envelope.people
        ]

    def _get(self, provider_id: str) -> FakeEnvelope:
        if provider_id not in self.envelopes:
            raise EnvelopeNotFound("No such envelope.", operation="read", status=404)
        return self.envelopes[provider_id]

    def _begin(self, operation: str) -> None:
        self.calls.append(operation)
        self.before.get(operation, _nothing)()

    def _end(self, operation: str) -> None:
        self.after.get(operation, _nothing)()


def raising(error: Exception) -> Callable[[], None]:
    """Return what fails when it is called, for `before` and `after`."""

    def fail() -> None:
        raise error

    return fail


def _nothing() -> None:
    pass
