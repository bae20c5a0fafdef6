"""The API's own client against the real service over a socket: both sides of the protocol mean the same."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app.domain.errors import EnvelopeAlreadyOver, EnvelopeNotFound, FileNotReady, ProviderRejected, ReminderRefused
from app.domain.ports import (
    Designation,
    EnvelopeAnchor,
    EnvelopeDraft,
    EnvelopeField,
    EnvelopeRecipient,
    EnvelopeStatus,
    PageSize,
)
from app.gateways.signing.client import SigningClient
from tests.builders.pdfs import A4, make_pdf
from tests.signer.pair import listening
from tests.signer.service import API_KEY, CLIENT, text_of

PDF = make_pdf(pages=2, text="Sign {{SIGN_1}} here")


@pytest.fixture
def served(start_service):
    """Serve on a free port of this machine; the service knows its own address from the start."""
    with listening() as server:
        service = start_service(public_url=f"http://127.0.0.1:{server.server_port}")
        server.app = service.app
        yield service


@pytest.fixture
def gateway(served):
    client = SigningClient(base_url=f"{served.settings.public_url}/signing-request-api", api_key=API_KEY)
    yield client
    client.close()


def make_draft(**overrides):
    people = (
        EnvelopeRecipient(
            first_name="Jane", last_name="Doe", email="person1@example.test", designation=Designation.SIGNER, order=1
        ),
        EnvelopeRecipient(
            first_name="Max", last_name=None, email="person2@example.test", designation=Designation.APPROVER, order=2
        ),
    )
    values = {
        "reference": uuid4(),
        "name": "Lease",
        "document": PDF,
        "pages": (PageSize(width=A4[0], height=A4[1]),) * 2,
        "recipients": people,
        "fields": (
            EnvelopeField(recipient_index=0, type="text", page=2, x=10, y=50, width=30, height=4),
            EnvelopeField(recipient_index=1, type="checkbox", page=1, x=80, y=80),
        ),
        "anchors": (
            EnvelopeAnchor(recipient_index=0, type="signature", text="{{SIGN_1}}", matches=(), width=120, height=30),
        ),
        "expiration_hours": 24,
    }
    return EnvelopeDraft(**(values | overrides))


def test_an_envelope_is_sent_signed_and_fetched(served, gateway):
    sent = gateway.create_and_send(make_draft())
    assert [person.order for person in sent.recipients] == [1, 2]
    served.work()
    served.sign(1)
    state = gateway.read(sent.provider_id)
    assert state.status is EnvelopeStatus.OPEN
    assert state.recipients[0].signed_at is not None
    assert state.recipients[1].signed_at is None
    served.sign(2)
    state = gateway.read(sent.provider_id)
    assert state.status is EnvelopeStatus.FINISHED
    assert state.finished_at is not None
    assert gateway.download_signed_document(sent.provider_id).startswith(b"%PDF-")
    assert gateway.download_certificate(sent.provider_id).startswith(b"%PDF-")


def test_a_code_is_asked_for(served, gateway):
    plain, guarded = (gateway.create_and_send(make_draft(require_code=wanted)) for wanted in (False, True))
    wishes = [served.detail(sent.provider_id)["settings"]["require_otp_verification"] for sent in (plain, guarded)]
    assert wishes == [None, True]


def test_a_large_document_goes_in_two_steps(served, gateway):
    padding = b"%" + b"x" * 3_600_000 + b"\n"
    sent = gateway.create_and_send(make_draft(document=PDF + padding))
    assert served.detail(sent.provider_id)["document_page_count"] == 2


def test_before_it_is_finished_there_is_nothing_to_fetch(served, gateway):
    sent = gateway.create_and_send(make_draft())
    with pytest.raises(FileNotReady):
        gateway.download_signed_document(sent.provider_id)
    with pytest.raises(FileNotReady):
        gateway.download_certificate(sent.provider_id)


def test_an_envelope_is_found_by_its_reference(served, gateway, time):
    draft, other = make_draft(), make_draft()
    sent = gateway.create_and_send(draft)
    gateway.create_and_send(other)
    (found,) = gateway.find_by_reference(
        draft.reference, name=draft.name, created_after=time.utcnow() - timedelta(minutes=5)
    )
    assert found.provider_id == sent.provider_id
    assert found.status is EnvelopeStatus.OPEN


def test_a_cancelled_envelope_is_over(served, gateway):
    sent = gateway.create_and_send(make_draft())
    gateway.cancel(sent.provider_id, reason="Wrong draft")
    assert gateway.read(sent.provider_id).status is EnvelopeStatus.CANCELLED
    with pytest.raises(EnvelopeAlreadyOver):
        gateway.cancel(sent.provider_id, reason=None)


def test_only_the_person_whose_turn_it_is_is_reminded(served, gateway):
    sent = gateway.create_and_send(make_draft())
    first, second = (person.provider_id for person in sent.recipients)
    gateway.remind(sent.provider_id, recipient_ids=[first], message="Today, please.")
    with pytest.raises(ReminderRefused):
        gateway.remind(sent.provider_id, recipient_ids=[second], message=None)
    served.work()
    [_, reminder] = served.mails("person1@example.test")
    assert "Today, please." in text_of(reminder)
    assert len(served.mails()) == 2


def test_a_reason_to_decline_comes_across(served, gateway):
    sent = gateway.create_and_send(make_draft())
    served.work()
    served.ceremony.decline(served.token(), reason="The rent is wrong.", client=CLIENT)
    state = gateway.read(sent.provider_id)
    assert state.status is EnvelopeStatus.DECLINED
    assert state.recipients[0].decline_reason == "The rent is wrong."


def test_a_wrong_document_is_a_clear_refusal(served, gateway):
    with pytest.raises(ProviderRejected):
        gateway.create_and_send(make_draft(document=b"%PDF-1.7 nothing"))


def test_an_unknown_envelope_is_not_found(served, gateway):
    with pytest.raises(EnvelopeNotFound):
        gateway.read(str(uuid4()))


def test_there_are_credits(gateway):
    assert gateway.credits() > 0
