"""Mailing those whose turn it is once more (provider fact sheet, section 10)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import InvalidRequest
from app.signer import audit
from app.signer.database import Database
from app.signer.envelopes import lock_envelope
from app.signer.letters import Letters
from app.signer.models import Envelope, EnvelopeStatus, Recipient
from app.signer.signing_order import whose_turn


class NotTheirTurn(Exception):
    """Somebody named is not to act now; `recipients` says who. `current_order` is None when the envelope is over."""

    def __init__(self, *, current_order: int | None, recipients: Sequence[Recipient]) -> None:
        super().__init__("Only those whose turn it is can be reminded.")
        self.current_order = current_order
        self.recipients = recipients


@dataclass(frozen=True, kw_only=True)
class Reminders:
    """Reminds people of an envelope."""

    database: Database
    letters: Letters
    #: Tells the background jobs of this process that there is work.
    wake: Callable[[], None]

    def send(
        self, envelope_id: UUID, *, recipient_ids: Sequence[UUID], message: str | None, ip_address: str | None
    ) -> Sequence[Recipient]:
        """Queue a mail to each of these people, to all or to none; return them.

        Raises NotFound, InvalidRequest for a person who is not on the envelope, NotTheirTurn.
        """
        with self.database.unit_of_work() as session:
            envelope = lock_envelope(session, envelope_id)
            recipients = _named(envelope, recipient_ids)
            active = whose_turn(envelope) if envelope.status is EnvelopeStatus.SENT else ()
            if wrong := [recipient for recipient in recipients if recipient not in active]:
                raise NotTheirTurn(current_order=active[0].order if active else None, recipients=wrong)
            for recipient in recipients:
                self.letters.remind(session, recipient, message=message)
            audit.record_api(
                session,
                envelope,
                "Asked for a reminder",
                ip_address=ip_address,
                details={"recipients": [str(recipient.id) for recipient in recipients]},
            )
        self.wake()
        return recipients


def _named(envelope: Envelope, recipient_ids: Sequence[UUID]) -> list[Recipient]:
    """Return the people in signing order, each once."""
    wanted = set(recipient_ids)
    found = [recipient for recipient in envelope.recipients if recipient.id in wanted]
    if len(found) != len(wanted):
        raise InvalidRequest("A recipient is not on this signing request.")
    return found
