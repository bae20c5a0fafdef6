"""`resend` of the protocol: who is reminded, and what they read."""

import pytest

from tests.signer.service import make_field, make_recipient, text_of

ABSENT = "5ca1ab1e-0000-4000-8000-000000000009"


@pytest.fixture
def envelope(service):
    return service.send(
        recipients=[make_recipient(1), make_recipient(2, designation="Approver"), make_recipient(3, designation="CC")],
        fields=[make_field(1), make_field(2, type="approval_signature")],
    )


def resend(service, envelope_id, *ids, **body):
    answer = service.call(
        "POST",
        f"/signing-request-api/signing-requests/{envelope_id}/resend",
        json={"recipient_ids": list(ids)} | body,
    )
    service.work()
    return answer


def people(service, envelope_id):
    return [person["id"] for person in service.get(envelope_id, "users").json["results"]]


def test_the_first_person_is_mailed_a_link_that_works(service, envelope):
    first, *_ = people(service, envelope)
    invited = service.token(1)

    answer = resend(service, envelope, first, custom_message="We close the file on Friday.\nThank you!")

    assert answer.status_code == 200
    assert answer.json == {
        "message": "Reminder sent",
        "signing_request_id": envelope,
        "recipients_notified": 1,
        "recipients_failed": 0,
        "recipients": [{"id": first, "email": "person1@example.test", "name": "Person1 Tester"}],
    }
    mail = service.mails("person1@example.test")[-1]
    assert mail["Subject"] == "Reminder: please sign Lease of the harbour office"
    assert "We close the file on Friday.\nThank you!" in text_of(mail).replace("\r\n", "\n")
    assert service.token(1) != invited
    assert service.ceremony.find(service.token(1)).state == service.ceremony.find(invited).state == "ready"


def test_the_approver_is_reminded_in_their_turn(service, envelope):
    service.sign(1)
    resend(service, envelope, people(service, envelope)[1])
    assert (
        service.mails("person2@example.test")[-1]["Subject"] == "Reminder: please approve Lease of the harbour office"
    )


def test_markup_in_the_message_stays_text(service, envelope):
    resend(service, envelope, people(service, envelope)[0], custom_message="<img src=x>")
    html = service.mails("person1@example.test")[-1].get_body(("html",)).get_content()
    assert "&lt;img src=x&gt;" in html
    assert "<img" not in html


@pytest.mark.parametrize("break_", ["\n", "\r\n"])
def test_the_lines_of_a_message_stay_lines_and_become_no_headers(service, envelope, break_):
    lines = ["Dear all,", "Bcc: thief@example.test", "Subject: Pay at once", "", "Content-Type: text/html", "<b>.</b>"]
    resend(service, envelope, people(service, envelope)[0], custom_message=break_.join(lines))

    mail = service.mails("person1@example.test")[-1]
    assert mail["Bcc"] is None
    assert mail.get_all("Subject") == ["Reminder: please sign Lease of the harbour office"]
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert "\n".join(lines) in text_of(mail).replace("\r\n", "\n")
    html = mail.get_body(("html",)).get_content().replace("\r\n", "\n")
    paragraph = html[html.index("Dear all,") : html.index("&lt;b&gt;.")]
    assert paragraph.splitlines() == lines[:-1]
    assert html[: html.index("Dear all,")].rpartition("<p ")[2].startswith('style="white-space:pre-line">')


@pytest.mark.parametrize("index", [1, 2])
def test_nobody_else_is_reminded(service, envelope, index):
    ids = people(service, envelope)
    before = len(service.mails())

    answer = resend(service, envelope, ids[0], ids[index])

    assert answer.status_code == 409
    assert answer.json["code"] == "INVALID_RECIPIENTS"
    assert answer.json["details"] == {
        "current_order": 1,
        "invalid_recipients": [{"id": ids[index], "email": f"person{index + 1}@example.test", "order": index + 1}],
    }
    assert len(service.mails()) == before


def test_nobody_is_reminded_of_what_is_over(service, envelope):
    service.cancel(envelope)
    answer = resend(service, envelope, people(service, envelope)[0])
    assert answer.status_code == 409
    assert answer.json["details"]["current_order"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"recipient_ids": []},
        {"recipient_ids": ["x"]},
        {"recipient_ids": [ABSENT]},
        {"custom_message": "x" * 1001},
        {"custom_message": "a\0b"},
    ],
)
def test_a_senseless_wish_is_refused(service, envelope, body):
    assert resend(service, envelope, people(service, envelope)[0], **body).status_code == 400


def test_an_absent_envelope_is_not_found(service):
    assert resend(service, ABSENT, ABSENT).status_code == 404


def test_the_trail_tells_of_the_wish_and_of_the_mail(service, envelope):
    resend(service, envelope, people(service, envelope)[0])
    told = [entry["description"] for entry in service.get(envelope, "audit").json["results"]]
    assert told[-2:] == ["Asked for a reminder", "Sent a reminder"]


def test_a_reminder_of_what_ended_meanwhile_is_not_sent(service, envelope):
    ids = people(service, envelope)
    service.call("POST", f"/signing-request-api/signing-requests/{envelope}/resend", json={"recipient_ids": ids[:1]})
    service.cancel(envelope, notify_signers=False)
    before = len(service.mails())
    service.work()
    assert len(service.mails()) == before
