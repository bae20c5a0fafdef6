"""Delivers events to the API: signed, at most three times, never redirected (provider fact sheet, section 13)."""

import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import requests
from sqlalchemy import ColumnElement

from app.domain import clock, ids
from app.request_log import correlation
from app.signer.database import Database
from app.signer.leases import LeasedQueue, TryAgain
from app.signer.models import OutgoingEvent
from app.signer.webhook_switch import WebhookSwitch

TIMEOUT_SECONDS = 5
#: Between the first and the second attempt, and between the second and the third.
WAITS = (timedelta(minutes=5), timedelta(hours=1))


def signature_headers(secret: str, body: bytes, *, event: str, old_secret: str | None = None) -> dict[str, str]:
    """Return the headers of one attempt at a body: its signature, its event, and an id of its own.

    While a secret is being changed, the one before signs as well, in a header of its own.
    """
    timestamp = int(clock.utcnow().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Countersign-Signer/1.0",
        "X-Firma-Signature": _signature(secret, timestamp, body),
        "X-Firma-Event": event,
        "X-Firma-Delivery": str(ids.new_id()),
    }
    if old_secret:
        headers["X-Firma-Signature-Old"] = _signature(old_secret, timestamp, body)
    return headers


def _signature(secret: str, timestamp: int, body: bytes) -> str:
    digest = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()
    return f"t={timestamp},v1={digest}"


class EventQueue(LeasedQueue):
    """Events on their way to the one address that listens."""

    model = OutgoingEvent
    name = "events"
    lease = timedelta(minutes=2)
    batch = 10

    def __init__(
        self, database: Database, *, url: str, secret: str, old_secret: str | None = None, switch: WebhookSwitch
    ) -> None:
        super().__init__(database)
        self._switch = switch
        self._url = url
        self._secret = secret
        self._old_secret = old_secret
        self._session = requests.Session()
        # Proxies of the environment are for other things than a neighbour.
        self._session.trust_env = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """Leave events where they are while the webhook is switched off."""
        return self._switch.conditions()

    def work(self, row_id: Any, owner: str) -> None:
        """Post the event; any answer but a 2xx within five seconds is a failure."""
        with self.database.reading() as session:
            event = session.get_one(OutgoingEvent, row_id)
            is_off = self._switch.is_off(session)
        if is_off:  # Since it was claimed; this was no attempt.
            self.settle(row_id, owner, next_attempt_at=clock.utcnow(), attempts=OutgoingEvent.attempts - 1)
            return
        headers = signature_headers(self._secret, event.body, event=event.type, old_secret=self._old_secret)
        headers |= correlation()
        status = self._post(event.body, headers)
        if not 200 <= status < 300:  # noqa: PLR2004 (RFC 9110 section 15.3)
            raise TryAgain(f"The receiver answered {status}.")
        self.settle(row_id, owner, delivered_at=clock.utcnow(), last_error=None, also=self._switch.count_success)

    def wait_after(self, attempts: int) -> timedelta | None:
        """Return the provider's schedule: at once, then after five minutes, then after an hour."""
        return WAITS[attempts - 1] if attempts <= len(WAITS) else None

    def abandon(self, row_id: Any, owner: str, error: str) -> None:
        """Keep the event, to be seen, and count it."""
        now = clock.utcnow()
        self.settle(row_id, owner, last_error=error, abandoned_at=now, also=self._switch.count_failure)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            with self._session.post(
                self._url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
            ) as response:
                return response.status_code
        except requests.RequestException as error:
            raise TryAgain(f"The receiver could not be reached: {type(error).__name__}.") from error
