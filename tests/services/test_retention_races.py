"""Purging and erasing while others are at work: nothing is sent from, and no file is left of, what is gone."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, insert

from app.api.deps import EXTENSION
from app.domain import clock
from app.domain.ids import new_id
from app.domain.lifecycle import TERMINAL
from app.extensions import db
from app.models import HistoryEntry, Recipient, Render, SignatureRequest, StoredFile, WebhookDelivery
from app.services import erasing, purging
from app.services.purging import Selection
from app.services.unit_of_work import unit_of_work
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import SIGNED, finish, work
from tests.callers import make_anchor, rewire
from tests.databases import POSTGRES_URL
from tests.fakes.inspector import TrustingInspector
from tests.provider_events import deliver, make_event
from tests.webhooks import subscribe


def purge(app):
    with app.app_context():
        return purging.purge(Selection(ended_before=clock.utcnow() - timedelta(days=1), statuses=TERMINAL))


def erase(app, created):
    with app.app_context():
        return erasing.erase(UUID(created["id"]), deps=app.extensions[EXTENSION])


def files(tmp_path):
    return [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]


def cancelled(api):
    created = api.created()
    assert api.post(f"/v1/signatures/{created['id']}/cancel").status_code == 200
    return created


def completed_without_certificate(app, api, signing, time):
    """Return a request that completed at the deadline with its signed PDF alone; the certificate is there by now."""
    created = api.created()
    signing.finish(signing.only())
    signing.only().signed_document = SIGNED
    deliver(app, make_event(signing.only().provider_id))
    work(app)
    time.advance(minutes=11)
    work(app)
    assert api.get(f"/v1/signatures/{created['id']}").json["status"] == "completed"
    finish(signing)
    return created


@pytest.fixture
def meanwhile(app, signing):
    """Do something once, when the signing service is asked for a file, in a thread of another transaction."""

    def arrange(act):
        def once():
            signing.before.pop("certificate")
            act()

        signing.before["certificate"] = once

    return arrange


def test_a_render_that_is_purged_in_the_middle_of_a_create_sends_nothing(app, api, signing, time):
    old = cancelled(api)
    time.advance(days=2)

    class PurgingInspector(TrustingInspector):
        def locate(self, content, texts):
            assert purge(app).renders == 1
            return super().locate(content, texts)

    rewire(app, inspector=PurgingInspector())
    calls = len(signing.calls)

    answer = api.create(renderId=old["renderId"], key="order-2", fields=None, anchorTags=[make_anchor()])

    assert_refused(answer, 404, "not_found")
    assert len(signing.calls) == calls


@pytest.mark.parametrize("end", ["erased", "purged"])
def test_a_download_that_comes_too_late_for_its_file_says_why(app, deps, api, signing, time, end):
    created = completed_without_certificate(app, api, signing, time)
    time.advance(days=2)
    work(app)

    class Slow:
        def open(self, key):
            erase(app, created) if end == "erased" else purge(app)
            work(app)
            return deps.storage.open(key)

        def delete(self, key):
            deps.storage.delete(key)

    rewire(app, storage=Slow())

    answer = api.get(f"/v1/signatures/{created['id']}/download")

    assert_refused(answer, *{"erased": (409, "conflict"), "purged": (404, "not_found")}[end])


@pytest.mark.parametrize("end", ["erased", "purged"])
def test_a_certificate_that_was_on_its_way_is_not_kept(app, api, signing, time, tmp_path, meanwhile, end):
    created = completed_without_certificate(app, api, signing, time)
    time.advance(days=2)
    meanwhile(lambda: erase(app, created) if end == "erased" else purge(app))

    answer = api.get(f"/v1/signatures/{created['id']}/certificate")

    assert_refused(answer, *{"erased": (409, "conflict"), "purged": (404, "not_found")}[end])
    work(app)
    assert files(tmp_path) == []


@pytest.mark.parametrize("end", ["erased", "purged"])
def test_a_worker_that_was_paused_beyond_its_lease_leaves_no_file(app, api, signing, time, tmp_path, meanwhile, end):
    created = completed_without_certificate(app, api, signing, time)

    def act():
        time.advance(days=2)
        assert erase(app, created) if end == "erased" else purge(app).requests == 1

    time.advance(hours=2)
    meanwhile(act)

    work(app)

    assert "certificate" not in signing.before
    assert files(tmp_path) == []


#: Rows of each table that belong to other requests.
OTHERS = 2_000
FEW_STEPS = 4_000


@pytest.mark.skipif(bool(POSTGRES_URL), reason="counts the steps of SQLite")
def test_deleting_a_request_reads_no_table_from_end_to_end(app, api, time):
    subscription = subscribe(app, api)
    gone = cancelled(api)
    work(app)
    kept = api.created(expirationHours=8760)
    with app.app_context(), unit_of_work() as session:
        insert_others(session, UUID(kept["id"]), project_id=api.project_id, subscription_id=subscription.id)
    work(app)
    time.advance(days=2)

    steps = []
    with app.app_context():
        db.engine.dispose()
        event.listen(db.engine, "connect", lambda raw, _: raw.set_progress_handler(lambda: steps.append(100), 100))
        assert purge(app).requests == 1
        db.engine.dispose()

    assert api.get(f"/v1/signatures/{gone['id']}").status_code == 404
    assert sum(steps) < FEW_STEPS


def insert_others(session, request_id, *, project_id, subscription_id):
    """Give another request so many people, entries, deliveries and files, and so many renders beside it."""
    now = clock.utcnow()
    numbers = range(OTHERS)
    people = [new_id() for _ in numbers]
    stored = [new_id() for _ in numbers]
    session.execute(
        insert(Recipient),
        [
            {
                "id": person,
                "request_id": request_id,
                "position": number + 1,
                "first_name": "Jane",
                "email": "jane@example.com",
                "designation": "Signer",
                "order": number + 2,
            }
            for number, person in enumerate(people)
        ],
    )
    session.execute(
        insert(HistoryEntry),
        [
            {
                "id": new_id(),
                "request_id": request_id,
                "recipient_id": person,
                "sequence": number + 2,
                "at": now,
                "action": "recipient_reminded",
                "from_status": "sent",
                "to_status": "sent",
                "cause": "api",
            }
            for number, person in enumerate(people)
        ],
    )
    session.execute(
        insert(WebhookDelivery),
        [
            {
                "id": new_id(),
                "subscription_id": subscription_id,
                "request_id": request_id,
                "sequence": number + 2,
                "event": "signature.sent",
                "body": b"{}",
                "status": "delivered",
                "created_at": now + timedelta(seconds=number + 60),
                "finished_at": now,
            }
            for number in numbers
        ],
    )
    session.execute(
        insert(StoredFile),
        [{"id": file_id, "key": str(file_id), "sha256": "0" * 64, "size": 1, "created_at": now} for file_id in stored],
    )
    renders = [
        {
            "id": new_id(),
            "project_id": project_id,
            "status": "succeeded",
            "file_id": file_id,
            "created_at": now + timedelta(seconds=number + 1),
        }
        for number, file_id in enumerate(stored)
    ]
    session.execute(insert(Render), renders)
    session.execute(
        insert(SignatureRequest),
        [
            {
                "id": new_id(),
                "project_id": project_id,
                "render_id": render["id"],
                "name": "Charter",
                "status": "completed",
                "expiration_hours": 168,
                "claimed_at": now,
                "created_at": now + timedelta(days=3, seconds=number),
                "signed_file_id": render["file_id"],
            }
            for number, render in enumerate(renders)
        ],
    )
