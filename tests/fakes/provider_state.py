"""The envelopes of the fake signing service and the rules that they follow (provider fact sheet, sections 2-12)."""

import threading
from base64 import b64decode
from binascii import Error as Base64Error
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

from app.domain import clock

#: What an envelope can be; the words of the list (section 6).
DRAFT, OPEN, FINISHED = "not_sent", "in_progress", "finished"
CANCELLED, DECLINED, EXPIRED, DELETED = "cancelled", "declined", "expired", "deleted"

HAS_SIGNED = "signing_request.recipient.signed"
MAIL_FAILED = "signing_request.recipient.mail_failed"


class Refusal(Exception):
    """The service does not do what was asked; nothing has changed."""

    def __init__(self, status: int, error: str, **members: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, **members}


@dataclass
class Person:
    id: str
    first_name: str
    last_name: str | None
    email: str
    designation: str
    order: int
    finished_on: datetime | None = None
    declined_on: datetime | None = None
    decline_reason: str | None = None
    #: Why mails to them were given up: what the bundled service tells beyond the protocol.
    mail_failures: list[str] = field(default_factory=list)

    @property
    def must_act(self) -> bool:
        return self.designation != "CC" and self.finished_on is None


@dataclass
class Envelope:
    id: str
    name: str
    description: str | None
    expiration_hours: int
    people: list[Person]
    created_on: datetime
    status: str = DRAFT
    #: When each thing happened: `sent`, `finished`, `cancelled`, `declined`, `expired`, `deleted`.
    moments: dict[str, datetime] = field(default_factory=dict)
    #: Who was mailed an invitation to sign, in order.
    invited: list[str] = field(default_factory=list)
    cancel_reason: str | None = None
    #: On the monotonic clock: from when the list shows it, and from when its files are there.
    listed_from: float = 0
    files_from: float | None = None

    @property
    def has_files(self) -> bool:
        return self.files_from is not None and self.files_from <= monotonic()

    @property
    def is_listed(self) -> bool:
        return self.listed_from <= monotonic()

    def active(self) -> Person | None:
        """Return whose turn it is: the lowest order that has not acted."""
        return min((person for person in self.people if person.must_act), key=lambda each: each.order, default=None)


class ProviderState:
    """Everything the service knows. Each method is one step that no other thread sees half-way."""

    def __init__(self, *, seed: int, tell: Callable[[Envelope, str], None], files_after: float = 0) -> None:
        """`tell` is called with each event (section 13.1); files are there `files_after` seconds after the end."""
        self.lock = threading.RLock()
        self.envelopes: dict[str, Envelope] = {}
        #: What happened to each create call, per description: the name of its fault, or `none`.
        self.create_calls: dict[str | None, list[str]] = defaultdict(list)
        self.uploads: dict[str, bytes | None] = {}
        self.credits = 1_000_000
        self.files_after = files_after
        self._tell = tell
        self._random = Random(seed)

    def create(self, body: Mapping[str, Any], *, is_sent: bool = True, list_lag: float = 0) -> Envelope:
        """Create an envelope and send it, or leave the draft of one whose sending failed."""
        with self.lock:
            self._check(body)
            envelope = Envelope(
                id=self.new_id(),
                name=body["name"],
                description=body.get("description"),
                expiration_hours=body.get("expiration_hours", 168),
                people=[self._person(place, each) for place, each in enumerate(body["recipients"], start=1)],
                created_on=clock.utcnow(),
                listed_from=monotonic() + list_lag,
            )
            self.envelopes[envelope.id] = envelope
            if is_sent:
                self.credits -= 1
                self._move(envelope, OPEN, "sent")
                self._invite(envelope)
            return envelope

    def get(self, envelope_id: str) -> Envelope:
        envelope = self.envelopes.get(envelope_id)
        if envelope is None or envelope.status == DELETED:
            raise Refusal(404, "Not Found", message="No such signing request.")
        return envelope

    def cancel(self, envelope_id: str, reason: str | None) -> Envelope:
        with self.lock:
            envelope = self._open(envelope_id)
            envelope.cancel_reason = reason
            return self._move(envelope, CANCELLED, "cancelled")

    def delete(self, envelope_id: str) -> Envelope:
        with self.lock:
            envelope = self.get(envelope_id)
            if envelope.status != DRAFT:
                raise Refusal(409, "It has been sent.", code="ALREADY_SENT")
            return self._move(envelope, DELETED, "deleted")

    def view(self, envelope_id: str) -> Envelope:
        """Do as a recipient does who opens the signing page for the first time."""
        with self.lock:
            envelope = self._open(envelope_id)
            self._tell(envelope, "signing_request.viewed")
            return envelope

    def sign(self, envelope_id: str) -> Envelope:
        """Do as the recipient does whose turn it is; after the last one the envelope is finished."""
        with self.lock:
            envelope = self._open(envelope_id)
            person = envelope.active()
            if person is None:
                raise Refusal(409, "Nobody is left to sign.")
            person.finished_on = clock.utcnow()
            self._tell(envelope, HAS_SIGNED)
            if envelope.active() is None:
                envelope.files_from = monotonic() + self.files_after
                self._move(envelope, FINISHED, "completed")
                self._tell(envelope, "signing_request.certificate.generated")
            else:
                self._invite(envelope)
            return envelope

    def refuse_mail(self, envelope_id: str) -> Envelope:
        """Do as the mail server does that knows nobody of that name: whose turn it is was never asked to sign."""
        with self.lock:
            envelope = self._open(envelope_id)
            person = envelope.active()
            if person is None:
                raise Refusal(409, "Nobody is left to write to.")
            person.mail_failures.append("The mail server answered 550.")
            self._tell(envelope, MAIL_FAILED)
            return envelope

    def finish(self, envelope_id: str) -> Envelope:
        """Have everybody sign who has not."""
        with self.lock:
            envelope = self.sign(envelope_id)
            while envelope.status == OPEN:
                self.sign(envelope_id)
            return envelope

    def decline(self, envelope_id: str, reason: str | None) -> Envelope:
        """Do as the recipient does whose turn it is and who does not want to sign."""
        with self.lock:
            envelope = self._open(envelope_id)
            person = envelope.active()
            if person is None:
                raise Refusal(409, "Nobody is left to decline.")
            person.declined_on = clock.utcnow()
            person.decline_reason = reason
            return self._move(envelope, DECLINED, "recipient.declined")

    def expire(self, envelope_id: str) -> Envelope:
        """Let the envelope's time pass."""
        with self.lock:
            return self._move(self._open(envelope_id), EXPIRED, "expired")

    def listed(self, query: Mapping[str, str]) -> list[Envelope]:
        """Return what the list's filters leave, newest first (section 6)."""
        name = query.get("name", "").casefold()
        after = datetime.fromisoformat(query["created_after"]) if "created_after" in query else None
        with self.lock:
            everything = list(self.envelopes.values())
        return [
            envelope
            for envelope in reversed(everything)
            if name in envelope.name.casefold()
            and (after is None or envelope.created_on > after)
            and envelope.is_listed
        ]

    def new_id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _open(self, envelope_id: str) -> Envelope:
        envelope = self.get(envelope_id)
        if envelope.status != OPEN:
            raise Refusal(409, f"The signing request is {envelope.status}.")
        return envelope

    def _move(self, envelope: Envelope, status: str, event: str) -> Envelope:
        envelope.status = status
        envelope.moments["sent" if status == OPEN else status] = clock.utcnow()
        self._tell(envelope, f"signing_request.{event}")
        return envelope

    def _invite(self, envelope: Envelope) -> None:
        person = envelope.active()
        if person is not None:
            envelope.invited.append(person.email)

    def _check(self, body: Mapping[str, Any]) -> None:
        people = body.get("recipients") or []
        temporary = [person.get("id") for person in people]
        fields = [*(body.get("fields") or []), *(body.get("anchor_tags") or [])]
        problem = (
            ("name", not isinstance(body.get("name"), str) or not 1 <= len(body["name"]) <= 255),
            ("source", ("document" in body) == ("document_id" in body)),
            ("signer", not any(person.get("designation") == "Signer" for person in people)),
            ("email", not all("@" in person.get("email", "") for person in people)),
            ("id", len(set(temporary)) != len(temporary)),
            ("recipient_id", not all(each.get("recipient_id") in temporary for each in fields)),
        )
        for what, is_wrong in problem:
            if is_wrong:
                raise Refusal(400, f"Validation failed: {what}", code="VALIDATION_ERROR", phase="create_validation")
        if not self._document(body).startswith(b"%PDF-"):
            raise Refusal(400, "Validation failed: document", code="VALIDATION_ERROR", phase="create_validation")
        if self.credits < 1:
            raise Refusal(402, "No credits left.", code="INSUFFICIENT_CREDITS", current_credits=0)

    def _document(self, body: Mapping[str, Any]) -> bytes:
        """Return the document, given or uploaded before; an upload is good for one envelope."""
        if "document_id" in body:
            return self.uploads.pop(body["document_id"], None) or b""
        try:
            return b64decode(body["document"], validate=True)
        except Base64Error:
            return b""

    def _person(self, place: int, wish: Mapping[str, Any]) -> Person:
        return Person(
            id=self.new_id(),
            first_name=wish["first_name"],
            last_name=wish.get("last_name"),
            email=wish["email"],
            designation=wish["designation"],
            order=wish.get("order", place),
        )


def expires_at(envelope: Envelope) -> datetime | None:
    """Return when the time of a sent envelope is up (section 12)."""
    sent = envelope.moments.get("sent")
    return sent + timedelta(hours=envelope.expiration_hours) if sent else None
