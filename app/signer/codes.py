"""One-time codes by e-mail: before the document is shown, the person proves that the mailbox is theirs.

For envelopes with `require_otp_verification` (provider fact sheet, sections 2.5 and 12). What a right code opens is
one browser: it gets a link of its own, which is never mailed.
"""

import hmac
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, ids
from app.signer import audit
from app.signer.ceremony_view import Client, CodeStep, needs_code, require_turn
from app.signer.database import Database
from app.signer.events import EventOutbox
from app.signer.letters import CODE_LIFETIME, Letters
from app.signer.links import add_link, lock_link
from app.signer.models import Code, Recipient
from app.signer.opening import record_opening

#: How the trail calls it (provider fact sheet, section 11).
CONFIRMED = "otp_verified"

DIGITS = 6
MAX_WRONG_TRIES = 5
RESEND_AFTER = timedelta(minutes=1)
#: With the tries of each: at most 25 guesses an hour out of a million.
MAX_PER_HOUR = 5


class CodeRefused(Exception):
    """What was entered is not the code, or the code is used up or too old: which of these is not said."""


class TooManyCodes(Exception):
    """The person has been mailed a code a moment ago, or several within the hour."""


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Mails codes and takes them. Both methods take the token of the person's link; raise NotFound, CeremonyClosed."""

    database: Database
    events: EventOutbox
    letters: Letters
    #: Keys the hashes, so that the codes cannot be read off the table.
    key: bytes
    #: Tells the background jobs of this process that there is work.
    wake: Callable[[], None]

    def send(self, token: str, client: Client) -> None:
        """Mail the person a code; those before are void from then on. Nothing, if none is needed.

        Raises TooManyCodes.
        """
        with self.database.unit_of_work() as session:
            link = lock_link(session, token)
            recipient = link.recipient
            require_turn(recipient)
            if not needs_code(link):
                return
            _require_patience(session, recipient)
            digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
            code = Code(id=ids.new_id(), recipient_id=recipient.id, created_at=clock.utcnow(), wrong_tries=0)
            code.code_hash = self._hash(code, digits)
            session.add(code)
            recipient.language = client.language
            self.letters.send_code(session, recipient, digits)
            audit.record_signer(session, recipient, "otp_requested", "Asked for a code by e-mail", client=client)
        self.wake()

    def confirm(self, token: str, entered: str, client: Client) -> str:
        """Open the document to the browser in which the code was entered; return the token of that browser's link.

        Raises CodeRefused.
        """
        with self.database.unit_of_work() as session:
            recipient = lock_link(session, token).recipient
            require_turn(recipient)
            confirmed = self._take(session, recipient, entered, client)
        # Outside of the transaction: a wrong try counts.
        if confirmed is None:
            raise CodeRefused
        self.wake()
        return confirmed

    def _take(self, session: Session, recipient: Recipient, entered: str, client: Client) -> str | None:
        code = live_code(session, recipient)
        if code is None:
            return None
        if not hmac.compare_digest(self._hash(code, _digits(entered)), code.code_hash):
            code.wrong_tries += 1
            audit.record_signer(session, recipient, "otp_refused", "Entered a wrong code", client=client)
            return None
        code.used_at = clock.utcnow()
        audit.record_signer(session, recipient, CONFIRMED, "Entered the code from the e-mail", client=client)
        record_opening(session, recipient, client=client, events=self.events)
        return add_link(session, recipient, is_confirmed=True)

    def _hash(self, code: Code, digits: str) -> str:
        return hmac.digest(self.key, f"{code.id} {digits}".encode(), "sha256").hex()


def code_step(session: Session, recipient: Recipient) -> CodeStep:
    """Return what the person has to do next for a code."""
    return CodeStep.ENTER if live_code(session, recipient) else CodeStep.ASK


def live_code(session: Session, recipient: Recipient) -> Code | None:
    """Return the newest code that was mailed, if it can still be entered."""
    newest = session.scalar(select(Code).where(Code.recipient_id == recipient.id).order_by(Code.id.desc()).limit(1))
    if newest is None or newest.used_at is not None or newest.wrong_tries >= MAX_WRONG_TRIES:
        return None
    return newest if newest.created_at + CODE_LIFETIME > clock.utcnow() else None


def _digits(entered: str) -> str:
    """Return the digits that were entered, of whatever script, without the spaces that people put between them."""
    return "".join(str(unicodedata.decimal(character)) for character in entered if character.isdecimal())


def _require_patience(session: Session, recipient: Recipient) -> None:
    now = clock.utcnow()
    within_the_hour = select(Code.created_at).where(
        Code.recipient_id == recipient.id, Code.created_at > now - timedelta(hours=1)
    )
    sent = list(session.scalars(within_the_hour))
    if len(sent) >= MAX_PER_HOUR or any(moment + RESEND_AFTER > now for moment in sent):
        raise TooManyCodes
