"""No transaction is open while anything crosses the network or a PDF is read."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from app.domain.errors import ProviderUnavailable
from app.services.unit_of_work import in_transaction
from tests.builders.ceremonies import finish, work
from tests.builders.pdfs import make_pdf
from tests.callers import make_anchor, make_recipient, rewire
from tests.fakes.signing import raising
from tests.provider_events import deliver, make_event


@dataclass
class Watched:
    """Passes every call on, and notes its name and whether a transaction was open."""

    part: Any
    calls: list[str] = field(default_factory=list)
    offences: list[str] = field(default_factory=list)

    def __getattr__(self, name):
        attribute = getattr(self.part, name)
        if not callable(attribute):
            return attribute

        def call(*args, **kwargs):
            self.calls.append(name)
            if in_transaction():
                self.offences.append(name)
            return attribute(*args, **kwargs)

        return call


@pytest.fixture
def watched(app, deps):
    """The outside world of the app, watched."""
    parts = {name: Watched(getattr(deps, name)) for name in ("signing", "storage", "inspector", "provider_events")}
    rewire(app, **parts)
    return parts


def called(watched):
    return {call for part in watched.values() for call in part.calls}


def offences(watched):
    return [offence for part in watched.values() for offence in part.offences]


def test_nothing_is_open_from_upload_to_download(app, api, signing, watched, time):
    created = api.created(anchorTags=[make_anchor()], recipients=[make_recipient()])
    deliver(app, make_event(signing.only().provider_id, kind="signing_request.viewed", event_id="evt_viewed"))
    work(app)
    finish(signing)
    deliver(app, make_event(signing.only().provider_id))
    work(app)
    assert api.get(f"/v1/signatures/{created['id']}/download").status_code == 200
    reserved = api.post("/v1/renders", json={}).json["id"]
    api.put(f"/v1/renders/{reserved}/pdf", data=make_pdf(), content_type="application/pdf")

    wanted = {"inspect", "locate", "save", "read", "open", "create_and_send", "verify", "count_pages"}
    assert wanted | {"download_signed_document", "download_certificate"} <= called(watched)
    assert offences(watched) == []


def test_nothing_is_open_when_requests_are_cancelled(app, api, signing, watched):
    api.post(f"/v1/signatures/{api.created()['id']}/cancel")
    over = api.created()
    finish(signing, list(signing.envelopes.values())[-1])
    api.post(f"/v1/signatures/{over['id']}/cancel")

    assert {"cancel", "read"} <= called(watched)
    assert offences(watched) == []


def test_nothing_is_open_while_a_lost_envelope_is_looked_for(app, api, signing, watched, time):
    lost = raising(ProviderUnavailable("Lost.", operation="create", may_have_acted=True))
    signing.after["create"] = lost
    signing.before["find"] = lost
    api.create(key="order-1")
    signing.before.clear()
    time.advance(minutes=1)
    work(app)

    assert "find_by_reference" in called(watched)
    assert [row["status"] for row in api.get("/v1/signatures").json["signatures"]] == ["sent"]
    assert offences(watched) == []


def test_nothing_is_open_while_a_certificate_is_fetched(app, api, signing, watched, time):
    created = api.created()
    finish(signing)
    certificate, signing.only().certificate = signing.only().certificate, None
    deliver(app, make_event(signing.only().provider_id))
    time.advance(seconds=601)
    work(app)
    signing.only().certificate = certificate

    assert api.get(f"/v1/signatures/{created['id']}/certificate").status_code == 200
    assert offences(watched) == []
