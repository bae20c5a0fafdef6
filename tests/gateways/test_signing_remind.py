"""Reminding people through the signing service's `resend`."""

import pytest
import requests

from app.domain.errors import EnvelopeNotFound, ProviderUnavailable, ReminderRefused
from tests.gateways.envelopes import ENVELOPE_ID, ENVELOPE_URL, PERSON_ID, make_client

RESEND = f"{ENVELOPE_URL}/resend"


def remind(message=None):
    make_client().remind(ENVELOPE_ID, recipient_ids=[PERSON_ID], message=message)


@pytest.mark.parametrize(("message", "members"), [(None, {}), ("Please.", {"custom_message": "Please."})])
def test_people_are_named_and_the_message_goes_along(requests_mock, message, members):
    requests_mock.post(RESEND, json={"recipients_notified": 1, "recipients_failed": 0})

    remind(message)

    assert requests_mock.last_request.json() == {"recipient_ids": [PERSON_ID], **members}


@pytest.mark.parametrize(("status", "error"), [(404, EnvelopeNotFound), (409, ReminderRefused)])
def test_a_refusal_is_told_apart(requests_mock, status, error):
    requests_mock.post(RESEND, status_code=status, json={"error": "no", "details": {"current_order": 2}})

    with pytest.raises(error):
        remind()


def test_a_reminder_that_did_not_go_out_is_an_error(requests_mock):
    requests_mock.post(RESEND, json={"recipients_notified": 0, "recipients_failed": 1})

    with pytest.raises(ProviderUnavailable):
        remind()


def test_a_lost_answer_is_not_repeated(requests_mock):
    requests_mock.post(RESEND, exc=requests.ReadTimeout)

    with pytest.raises(ProviderUnavailable) as lost:
        remind()

    assert lost.value.may_have_acted
    assert requests_mock.call_count == 1
