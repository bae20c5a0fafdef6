"""Erasing one request: the people and the files go, the facts stay (GDPR article 17)."""

import json
from uuid import UUID

import pytest
from sqlalchemy import select

from app.api.deps import EXTENSION
from app.domain.errors import Conflict, NotFound
from app.models import DiscardedFile, ProviderEvent, StoredFile
from app.services import erasing
from app.services.deliveries import redeliver
from app.services.unit_of_work import reading
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import finish, work
from tests.callers import ABSENT, make_recipient
from tests.databases import POSTGRES_URL
from tests.fakes.webhooks import answering
from tests.provider_events import deliver, make_event
from tests.webhooks import URL, attempts, deliveries, subscribe

JANE = make_recipient(firstName="Janina", lastName="Personne", email="janina@personne.example")
#: What must not be anywhere afterwards.
TRACES = ("Janina", "Personne", "janina@personne", "Secret affair", "too expensive", "thanks, Janina")


def erase(app, request_id):
    with app.app_context():
        return erasing.erase(UUID(str(request_id)), deps=app.extensions[EXTENSION])


def tell(app, signing, kind):
    event = make_event(signing.only().provider_id, kind=f"signing_request.{kind}", event_id=f"evt_{kind}")
    event["data"]["signer"] = JANE
    deliver(app, event)
    work(app)


@pytest.fixture
def completed(app, api, signing, webhooks):
    subscribe(app, api)
    webhooks.behaviours[URL] = answering(200, body="thanks, Janina")
    created = api.created(recipients=[JANE], name="Secret affair", key="order-1")
    finish(signing)
    tell(app, signing, "completed")
    return api.get(f"/v1/signatures/{created['id']}").json


@pytest.fixture
def declined(app, api, signing):
    created = api.created(recipients=[JANE], name="Secret affair")
    signing.decline(signing.only(), 1, "too expensive")
    tell(app, signing, "recipient.declined")
    return api.get(f"/v1/signatures/{created['id']}").json


def files(tmp_path):
    return sorted(str(path) for path in (tmp_path / "storage").rglob("*") if path.is_file())


def test_an_erased_request_keeps_its_shape_and_its_facts(app, api, completed):
    erase(app, completed["id"])

    found = api.get(f"/v1/signatures/{completed['id']}").json
    assert list(found) == list(completed)
    facts = ("id", "renderId", "status", "expirationHours", "createdAt", "completedAt")
    assert {name: found[name] for name in facts} == {name: completed[name] for name in facts}
    assert found["name"] == "Erased"
    assert [found[name] for name in ("signedDownloadUrl", "certificateUrl", "errorMessage")] == [None] * 3
    (person,), (before,) = found["recipients"], completed["recipients"]
    assert person == {
        **{name: before[name] for name in ("id", "designation", "order", "signedAt")},
        "firstName": "Erased",
        "email": "erased@erased.invalid",
    }
    assert api.get("/v1/signatures").json["signatures"] == [found]


def test_reasons_are_erased_and_steps_are_not(app, api, declined):
    path = f"/v1/signatures/{declined['id']}/events"
    before = api.get(path).json["events"]
    erase(app, declined["id"])

    after = api.get(path).json["events"]
    kept = ("sequence", "at", "type", "status", "by")
    assert [[event[name] for name in kept] for event in after[:-1]] == [
        [event[name] for name in kept] for event in before
    ]
    assert {event["reason"] for event in after} == {None}
    assert (after[-1]["type"], after[-1]["by"], after[-1]["status"]) == ("signature.erased", "operator", "declined")
    assert api.get(f"/v1/signatures/{declined['id']}").json["errorMessage"] is None


@pytest.mark.skipif(bool(POSTGRES_URL), reason="reads the file")
@pytest.mark.parametrize("ending", ["completed", "declined"])
def test_no_table_holds_a_trace_of_the_people(app, request, ending):
    ended = request.getfixturevalue(ending)
    assert traces_in_tables(app) & set(TRACES)

    erase(app, ended["id"])

    assert traces_in_tables(app) == set()


def traces_in_tables(app):
    """Return which traces any value of any row of any table holds."""
    with app.app_context(), reading() as session:
        connection = session.connection()
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        values = [
            value.decode(errors="replace") if isinstance(value, bytes) else str(value)
            for table in tables
            for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"')  # noqa: S608 (a name of ours)
            for value in row
        ]
    return {trace for trace in TRACES for value in values if trace in value}


def test_the_files_go_and_their_digests_stay(app, api, completed, tmp_path):
    assert len(files(tmp_path)) == 3
    with app.app_context(), reading() as session:
        before = {(file.sha256, file.size) for file in session.scalars(select(StoredFile))}

    erase(app, completed["id"])

    assert files(tmp_path) == []
    with app.app_context(), reading() as session:
        after = session.scalars(select(StoredFile)).all()
        assert {(file.sha256, file.size) for file in after} == before
        assert all(file.erased_at for file in after)
        assert session.scalars(select(DiscardedFile)).all() == []


def test_erased_files_are_a_conflict_that_says_so(app, api, completed):
    erase(app, completed["id"])

    for path in (
        f"/v1/signatures/{completed['id']}/download",
        f"/v1/signatures/{completed['id']}/certificate",
        f"/v1/renders/{completed['renderId']}/download",
    ):
        assert "erased" in assert_refused(api.get(path), 409, "conflict")["message"]
    assert api.get(f"/v1/renders/{completed['renderId']}").json["downloadUrl"] is None
    again = api.create(renderId=completed["renderId"])
    assert "erased" in assert_refused(again, 409, "conflict")["message"]


def test_a_certificate_that_never_came_is_not_fetched_after_all(app, api, signing, time):
    created = api.created()
    signing.finish(signing.only())
    tell(app, signing, "completed")
    time.advance(hours=1)
    work(app)
    assert api.get(f"/v1/signatures/{created['id']}").json["status"] == "completed"

    erase(app, created["id"])
    finish(signing)
    time.advance(days=1)
    work(app)

    assert_refused(api.get(f"/v1/signatures/{created['id']}/certificate"), 409, "conflict")
    assert api.get(f"/v1/signatures/{created['id']}").json["signedDownloadUrl"] is None


def test_a_render_that_another_request_needs_stays(app, api, completed, signing, tmp_path):
    other = api.created(renderId=completed["renderId"])

    erase(app, completed["id"])

    assert api.get(f"/v1/renders/{completed['renderId']}/download").status_code == 200
    assert api.post(f"/v1/signatures/{other['id']}/cancel").status_code == 200
    work(app)
    erase(app, other["id"])
    assert files(tmp_path) == []


def test_a_delivery_that_is_sent_again_names_nobody(app, api, completed, webhooks):
    erase(app, completed["id"])

    first = deliveries(app)[0]
    (person,) = completed["recipients"]
    assert json.loads(first.body) == {
        "event": "signature.sent",
        "signatureRequestId": completed["id"],
        "renderId": completed["renderId"],
        "status": "sent",
        "name": "Erased",
        "recipients": [
            {
                **{name: person[name] for name in ("id", "designation", "order")},
                "firstName": "Erased",
                "email": "erased@erased.invalid",
            }
        ],
    }
    assert {attempt.answer for attempt in attempts(app)} == {""}

    sent = len(webhooks.sent)
    with app.app_context():
        redeliver(first.id, subscription_id=first.subscription_id, project_id=api.project_id)
    work(app)
    assert len(webhooks.sent) == sent + 1


def test_a_replay_shows_the_erased_request_and_sends_nothing(app, api, completed, signing, time):
    erase(app, completed["id"])
    calls = len(signing.calls)

    replay = api.create(key="order-1", renderId=completed["renderId"], recipients=[JANE], name="Secret affair")

    assert replay.status_code == 200
    assert replay.json["name"] == "Erased"
    assert len(signing.calls) == calls


def test_erasing_twice_is_erasing_once(app, api, completed):
    first = erase(app, completed["id"])
    second = erase(app, completed["id"])

    assert second.erased_at == first.erased_at
    assert [event["type"] for event in api.get(f"/v1/signatures/{first.id}/events").json["events"]].count(
        "signature.erased"
    ) == 1


def test_an_open_request_is_not_erased(app, api):
    created = api.created(recipients=[JANE])

    with pytest.raises(Conflict, match="still sent"):
        erase(app, created["id"])

    assert api.get(f"/v1/signatures/{created['id']}").json == created


def test_a_request_of_which_a_webhook_is_on_its_way_is_not_erased_yet(app, api, time):
    subscribe(app, api)
    created = api.created()
    api.post(f"/v1/signatures/{created['id']}/cancel")

    with pytest.raises(Conflict, match="webhook"):
        erase(app, created["id"])

    work(app)
    assert erase(app, created["id"]).erased_at is not None


def test_what_does_not_exist_is_not_found(app):
    with pytest.raises(NotFound):
        erase(app, ABSENT)


def test_a_file_that_cannot_be_removed_now_is_removed_by_the_worker(app, completed, tmp_path, monkeypatch, time):
    storage = app.extensions[EXTENSION].storage
    with monkeypatch.context() as broken:
        broken.setattr(type(storage), "delete", refuse)
        erase(app, completed["id"])
    assert len(files(tmp_path)) == 3

    time.advance(minutes=1)
    work(app)

    assert files(tmp_path) == []


def refuse(*_args):
    raise OSError("The disk is read-only.")


def test_an_event_that_comes_late_brings_nobody_back(app, api, completed, signing):
    erase(app, completed["id"])
    tell(app, signing, "recipient.signed")

    found = api.get(f"/v1/signatures/{completed['id']}").json
    assert found["recipients"][0]["firstName"] == "Erased"
    with app.app_context(), reading() as session:
        assert all(b"Janina" not in event.body for event in session.scalars(select(ProviderEvent)))
