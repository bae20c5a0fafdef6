"""A mail that is refused for good, from the mail server over SMTP and HTTP to the history of the request."""

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import update

from app.signer.models import OutgoingEvent
from tests.builders.ceremonies import work
from tests.callers import make_recipient
from tests.e2e.stack import free_port

JANE = make_recipient()
JOHN = make_recipient(firstName="John", email="john@example.com")
REFUSED = "john@example.com"


class Postbox:
    """Takes mail for everybody but one."""

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 (the library's name)
        if address == REFUSED:
            return f"550 5.1.1 <{address}>: John Roe has left us"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, _envelope):  # noqa: N802 (the library's name)
        return "250 Taken"


@pytest.fixture
def smtp_url():
    controller = Controller(Postbox(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


def events(api, request):
    return api.get(f"/v1/signatures/{request['id']}/events").json["events"]


def test_a_refused_mail_is_in_the_history_of_the_request(start_pair, smtp_url, app, api):
    signer = start_pair(smtp_url=smtp_url)
    created = api.created(recipients=[JOHN, JANE])

    signer.work()
    work(app)

    sent, failed = events(api, created)
    assert sent["type"] == "signature.sent"
    assert failed == {
        "sequence": 2,
        "at": "2026-06-05T10:00:00.000Z",
        "type": "recipient.mail_failed",
        "status": "sent",
        "by": "provider",
        "recipient": created["recipients"][0],
        "reason": "The mail server answered 550.",
    }
    assert api.get(f"/v1/signatures/{created['id']}").json == created


def test_an_event_that_comes_again_is_written_down_once(start_pair, smtp_url, app, api):
    signer = start_pair(smtp_url=smtp_url)
    created = api.created(recipients=[JOHN])
    signer.work()
    work(app)

    with signer.parts.database.unit_of_work() as session:
        session.execute(update(OutgoingEvent).values(next_attempt_at=OutgoingEvent.created_at))
    assert signer.work() == 3
    work(app)

    assert [event["type"] for event in events(api, created)] == ["signature.sent", "recipient.mail_failed"]


def test_without_events_the_next_poll_finds_it(start_pair, smtp_url, app, api, time):
    signer = start_pair(smtp_url=smtp_url, webhook_url=None, webhook_secret=None)
    created = api.created(recipients=[JOHN])
    signer.work()
    work(app)
    assert len(events(api, created)) == 1

    time.advance(minutes=15)
    work(app)

    assert [event["type"] for event in events(api, created)] == ["signature.sent", "recipient.mail_failed"]
    time.advance(hours=6)
    work(app)
    assert len(events(api, created)) == 2
