"""The fake signing service keeps the rules, and fails as it is told; seen through the real client."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

import pytest
import requests

from app.domain import clock
from app.domain.errors import (
    CreditsExhausted,
    EnvelopeAlreadyOver,
    EnvelopeNotFound,
    FileNotReady,
    ProviderRejected,
    ProviderUnavailable,
)
from app.domain.ids import new_id
from app.domain.ports import Designation, EnvelopeDraft, EnvelopeRecipient, EnvelopeStatus, PageSize
from app.gateways.signing.client import SigningClient
from app.gateways.signing.events import HmacEventVerifier
from tests.builders.pdfs import make_pdf
from tests.builders.sized import padded_pdf
from tests.fakes.provider_server import ProviderServer

SECRET = "events-secret-0123456789"

LOST_ANSWERS = (
    "accept_then_drop",
    "error_after",
    {"kind": "hang", "seconds": 30},
    "rubbish",
    {"kind": "rubbish", "variant": "no_id"},
)


@pytest.fixture
def provider() -> Iterator[ProviderServer]:
    with ProviderServer(seed=1) as provider:
        yield provider


@pytest.fixture
def client(provider: ProviderServer) -> Iterator[SigningClient]:
    client = SigningClient(
        base_url=provider.url, api_key=provider.api_key, connect_timeout=2, read_timeout=5, create_timeout=0.3
    )
    with closing(client):
        yield client


def make_draft(*, signers=1, document=None) -> EnvelopeDraft:
    return EnvelopeDraft(
        reference=new_id(),
        name="Charter",
        document=document or make_pdf(),
        pages=(PageSize(width=595, height=842),),
        recipients=tuple(
            EnvelopeRecipient(
                first_name="Jane",
                last_name=None,
                email=f"jane{order}@example.com",
                designation=Designation.SIGNER,
                order=order,
            )
            for order in range(1, signers + 1)
        ),
        fields=(),
        anchors=(),
        expiration_hours=24,
    )


def find(client: SigningClient, draft: EnvelopeDraft):
    after = clock.utcnow() - timedelta(minutes=5)
    return client.find_by_reference(draft.reference, name=draft.name, created_after=after)


def test_an_envelope_is_created_mailed_once_and_found_by_its_reference(provider, client):
    draft = make_draft(signers=2)
    sent = client.create_and_send(draft)
    (envelope,) = provider.envelopes_of(draft.reference)
    assert envelope["id"] == sent.provider_id
    assert envelope["invited"] == ["jane1@example.com"]
    assert [hit.provider_id for hit in find(client, draft)] == [sent.provider_id]
    assert client.read(sent.provider_id).reference == draft.reference


def test_a_large_document_is_uploaded_first_and_good_for_one_envelope(provider, client):
    draft = make_draft(document=padded_pdf(4_000_000))
    assert client.create_and_send(draft).provider_id == provider.envelopes_of(draft.reference)[0]["id"]


def test_signers_act_in_their_order_and_the_last_one_finishes_the_envelope(provider, client):
    sent = client.create_and_send(make_draft(signers=2))
    provider.sign(sent.provider_id)
    state = client.read(sent.provider_id)
    assert [person.signed_at is not None for person in state.recipients] == [True, False]
    assert state.status is EnvelopeStatus.OPEN
    provider.sign(sent.provider_id)
    assert client.read(sent.provider_id).status is EnvelopeStatus.FINISHED
    assert client.download_signed_document(sent.provider_id).startswith(b"%PDF-")
    assert client.download_certificate(sent.provider_id).startswith(b"%PDF-")


def test_files_come_some_time_after_the_end():
    with ProviderServer(files_after=60) as provider:
        client = SigningClient(base_url=provider.url, api_key=provider.api_key)
        with closing(client):
            sent = client.create_and_send(make_draft())
            provider.finish(sent.provider_id)
            with pytest.raises(FileNotReady):
                client.download_signed_document(sent.provider_id)
            with pytest.raises(FileNotReady):
                client.download_certificate(sent.provider_id)


def test_a_decline_ends_everything_and_says_why(provider, client):
    sent = client.create_and_send(make_draft(signers=2))
    provider.decline(sent.provider_id, "Wrong sum")
    state = client.read(sent.provider_id)
    assert state.status is EnvelopeStatus.DECLINED
    assert state.recipients[0].decline_reason == "Wrong sum"
    with pytest.raises(requests.HTTPError):
        provider.sign(sent.provider_id)


@pytest.mark.parametrize("end", ["finish", "decline", "expire"])
def test_what_is_over_is_not_cancelled(provider, client, end):
    sent = client.create_and_send(make_draft())
    getattr(provider, end)(sent.provider_id)
    with pytest.raises(EnvelopeAlreadyOver):
        client.cancel(sent.provider_id, reason=None)


def test_a_cancel_works_once(provider, client):
    sent = client.create_and_send(make_draft())
    client.cancel(sent.provider_id, reason="Changed my mind")
    assert client.read(sent.provider_id).status is EnvelopeStatus.CANCELLED
    with pytest.raises(EnvelopeAlreadyOver):
        client.cancel(sent.provider_id, reason=None)


def test_a_draft_that_was_left_behind_can_be_deleted_and_is_gone(provider, client):
    draft = make_draft()
    provider.script("create", "draft_left")
    with pytest.raises(ProviderUnavailable):
        client.create_and_send(draft)
    (hit,) = find(client, draft)
    assert hit.status is EnvelopeStatus.DRAFT
    client.delete_draft(hit.provider_id)
    assert find(client, draft) == ()
    with pytest.raises(EnvelopeNotFound):
        client.read(hit.provider_id)


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_an_answer_is_lost_though_the_envelope_exists(provider, client, fault):
    draft = make_draft()
    provider.script("create", fault)
    with pytest.raises(ProviderUnavailable) as caught:
        client.create_and_send(draft)
    assert caught.value.may_have_acted
    assert len(find(client, draft)) == 1


@pytest.mark.parametrize("fault", ["drop_before", "error_before"])
def test_an_answer_is_lost_and_there_is_no_envelope(provider, client, fault):
    draft = make_draft()
    provider.script("create", fault)
    with pytest.raises(ProviderUnavailable) as caught:
        client.create_and_send(draft)
    assert caught.value.may_have_acted
    assert find(client, draft) == ()
    assert provider.state()["create_calls"][str(draft.reference)] == [fault]


@pytest.mark.parametrize(
    ("status", "error"), [(400, ProviderRejected), (402, CreditsExhausted), (422, ProviderRejected)]
)
def test_a_refusal_creates_nothing(provider, client, status, error):
    draft = make_draft()
    provider.script("create", {"kind": "refuse", "status": status})
    with pytest.raises(error):
        client.create_and_send(draft)
    assert provider.state()["envelopes"] == []


def test_too_many_requests_is_a_refusal_too(provider, client):
    provider.script("create", {"kind": "refuse", "status": 429})
    with pytest.raises(ProviderUnavailable) as caught:
        client.create_and_send(make_draft())
    assert not caught.value.may_have_acted


def test_a_conflict_names_the_envelope_that_exists(provider, client):
    draft = make_draft()
    provider.script("create", "conflict_with_id")
    assert client.create_and_send(draft).provider_id == provider.envelopes_of(draft.reference)[0]["id"]


def test_an_envelope_appears_long_after_the_connection_was_dropped(provider, client):
    draft = make_draft()
    provider.script("create", {"kind": "late", "seconds": 0.2})
    with pytest.raises(ProviderUnavailable):
        client.create_and_send(draft)
    assert provider.envelopes_of(draft.reference) == []
    drain(provider)
    assert len(provider.envelopes_of(draft.reference)) == 1


def test_the_list_lags_behind(provider, client):
    draft = make_draft()
    provider.script("create", {"kind": "list_lags", "seconds": 0.2})
    with pytest.raises(ProviderUnavailable):
        client.create_and_send(draft)
    assert find(client, draft) == ()
    assert len(provider.envelopes_of(draft.reference)) == 1
    drain(provider)
    assert len(find(client, draft)) == 1


def test_a_mix_fails_its_share_of_the_calls_until_it_is_cleared(provider, client):
    provider.mix("company", ("error_before", 0.5))
    assert 5 < sum(_fails(client) for _ in range(40)) < 35
    provider.clear_faults()
    assert not any(_fails(client) for _ in range(5))


def test_a_wrong_key_is_refused(provider):
    with (
        closing(SigningClient(base_url=provider.url, api_key="another-key")) as client,
        pytest.raises(ProviderRejected),
    ):
        client.credits()


def test_events_are_signed_and_can_be_doubled(provider, client):
    with Receiver() as receiver:
        provider.send_events(receiver.url, SECRET, doubled=1)
        sent = client.create_and_send(make_draft())
        notices = [HmacEventVerifier([SECRET]).verify(*receiver.take()) for _ in range(2)]
    assert {notice.provider_id for notice in notices} == {sent.provider_id}
    assert len({notice.event_id for notice in notices}) == 1
    assert notices[0].type == "signing_request.sent"


def test_events_can_get_lost(provider, client):
    provider.send_events("http://127.0.0.1:9/hooks", SECRET, lost=1)
    client.create_and_send(make_draft())
    assert provider.pending() == 0
    assert provider.state()["events"]["lost"] == 1


class Receiver:
    """Takes events and keeps their bodies and headers."""

    def __enter__(self):
        received = self._received = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put((body, dict(self.headers)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/hooks/signing-provider"
        Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def take(self):
        return self._received.get(timeout=5)


def drain(provider: ProviderServer) -> None:
    """Wait until nothing is late any more."""
    deadline = clock.monotonic() + 5
    while provider.pending():
        assert clock.monotonic() < deadline
        clock.sleep(0.02)


def _fails(client: SigningClient) -> bool:
    try:
        client.credits()
    except ProviderUnavailable:
        return True
    return False
