"""Purging: what ended long ago goes with all that belongs to it, and a used key still creates nothing."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from app.api.deps import EXTENSION
from app.domain import clock
from app.domain.errors import ProviderUnavailable
from app.domain.lifecycle import TERMINAL, Status
from app.extensions import Base
from app.services import erasing, purging
from app.services.purging import Selection
from app.services.unit_of_work import reading
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import finish, work
from tests.builders.pdfs import make_pdf
from tests.callers import make_caller, make_recipient
from tests.fakes.signing import raising
from tests.provider_events import deliver, make_event
from tests.webhooks import subscribe

YEAR = timedelta(days=365)

#: What a purge leaves: tenants, their keys and webhooks, and which idempotency keys were used.
KEPT = {"projects", "api_keys", "webhook_subscriptions", "idempotency_keys", "alembic_version"}


def selected(**overrides):
    return Selection(**{"ended_before": clock.utcnow() - YEAR, "statuses": TERMINAL} | overrides)


def purge(app, **overrides):
    """Purge, and let the worker remove the files."""
    with app.app_context():
        purged = purging.purge(selected(**overrides))
    work(app)
    return purged


def survey(app, **overrides):
    with app.app_context():
        return purging.survey(selected(**overrides))


def counts(app):
    """Return how many rows each table has that has any."""
    with app.app_context(), reading() as session:
        rows = {table.name: len(session.execute(select(table)).all()) for table in Base.metadata.sorted_tables}
    return {name: count for name, count in rows.items() if count}


def files(tmp_path):
    return [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]


def cancel(api, created):
    answer = api.post(f"/v1/signatures/{created['id']}/cancel", json={"reason": "Over"})
    assert answer.status_code == 200, answer.json
    return answer.json


def cancelled(api, **overrides):
    return cancel(api, api.created(**overrides))


def completed(app, api, signing, **overrides):
    created = api.created(**overrides)
    envelope = next(each for each in signing.envelopes.values() if str(each.draft.reference) == created["id"])
    finish(signing, envelope)
    deliver(app, make_event(envelope.provider_id, event_id=f"evt_{envelope.provider_id}"))
    work(app)
    return created


def listed(api):
    return {row["id"] for row in api.get("/v1/signatures").json["signatures"]}


def test_nothing_of_a_purged_request_is_left(app, api, signing, time, tmp_path):
    subscribe(app, api)
    completed(app, api, signing, recipients=[make_recipient(), make_recipient(email="john@example.com")])
    cancelled(api)
    work(app)
    assert len(files(tmp_path)) == 4
    time.advance(days=366)

    purged = purge(app)

    assert (purged.requests, purged.renders, purged.files) == (2, 2, 4)
    assert set(counts(app)) <= KEPT
    assert files(tmp_path) == []
    assert listed(api) == set()


def test_what_is_too_young_open_or_in_another_status_stays(app, api, signing, time):
    old = cancelled(api)
    still_open = api.created(expirationHours=8760)
    done = completed(app, api, signing)
    time.advance(days=300)
    young = cancelled(api)
    time.advance(days=66)

    assert purge(app, statuses=[Status.CANCELLED]).requests == 1

    assert listed(api) == {still_open["id"], done["id"], young["id"]}
    assert_refused(api.get(f"/v1/signatures/{old['id']}"), 404, "not_found")
    assert api.get(f"/v1/signatures/{done['id']}/download").status_code == 200


def test_what_counts_is_when_a_request_ended(app, api, time):
    created = api.created(expirationHours=8760)
    time.advance(days=364)
    cancel(api, created)
    time.advance(days=10)

    assert purge(app).requests == 0
    time.advance(days=356)
    assert purge(app).requests == 1


def test_one_project_is_purged_without_the_others(app, api, time):
    stranger = make_caller(app, "Stranger")
    cancelled(api)
    theirs = cancelled(stranger)
    time.advance(days=366)

    assert purge(app, project_id=api.project_id).requests == 1

    assert listed(api) == set()
    assert listed(stranger) == {theirs["id"]}


def test_a_render_that_another_request_needs_stays(app, api, time):
    gone = cancelled(api)
    kept = api.created(renderId=gone["renderId"], expirationHours=8760)
    time.advance(days=366)

    purged = purge(app, statuses=[Status.CANCELLED])

    assert (purged.requests, purged.renders, purged.files) == (1, 0, 0)
    assert api.get(f"/v1/renders/{kept['renderId']}/download").status_code == 200


def test_a_render_that_nobody_has_used_stays(app, api, time):
    unused = api.upload()
    time.advance(days=366)
    purge(app)

    assert api.get(f"/v1/renders/{unused}").status_code == 200


def test_the_key_of_a_purged_request_never_sends_again(app, api, signing, time):
    body = {"renderId": api.upload(), "key": "order-1"}
    cancelled(api, **body)
    time.advance(days=366)
    purge(app)
    calls = list(signing.calls)

    error = assert_refused(api.create(**body), 409, "conflict")
    assert "purged" in error["message"]
    assert_refused(api.create(**body, name="Another"), 409, "idempotency_key_reused")
    assert signing.calls == calls
    assert api.create(key="order-2").status_code == 201


def test_the_key_of_a_purged_render_stores_nothing_again(app, api, time, tmp_path):
    pdf = {"data": make_pdf(), "content_type": "application/pdf"}
    render_id = api.post("/v1/renders", headers={"Idempotency-Key": "pdf-1"}, **pdf).json["id"]
    cancelled(api, renderId=render_id)
    time.advance(days=366)
    purge(app)

    error = assert_refused(api.post("/v1/renders", headers={"Idempotency-Key": "pdf-1"}, **pdf), 409, "conflict")
    assert "purged" in error["message"]
    assert files(tmp_path) == []


def test_a_survey_says_what_a_purge_would_do_and_does_nothing(app, api, signing, time, tmp_path):
    done = [completed(app, api, signing) for _ in range(2)]
    time.advance(days=1)
    cancelled(api, renderId=done[0]["renderId"])
    time.advance(days=366)
    before = counts(app)

    seen = survey(app)

    assert [(share.project, share.status, share.count) for share in seen.shares] == [
        ("Test", "cancelled", 1),
        ("Test", "completed", 2),
    ]
    assert (seen.renders, seen.busy) == (2, 0)
    assert sum(share.size for share in seen.shares) + seen.render_size == sum(
        path.stat().st_size for path in files(tmp_path)
    )
    assert counts(app) == before
    assert seen.renders == purge(app).renders


def test_a_survey_counts_no_render_that_something_else_needs(app, api, time):
    gone = cancelled(api)
    api.created(renderId=gone["renderId"], expirationHours=8760)
    time.advance(days=366)

    assert (survey(app).renders, survey(app).render_size) == (0, 0)


def test_a_request_whose_webhooks_are_on_their_way_waits_for_a_later_purge(app, api, time):
    subscribe(app, api)
    cancelled(api)
    time.advance(days=366)

    with app.app_context():
        assert (purging.survey(selected()).busy, purging.purge(selected()).requests) == (1, 0)
    work(app)
    assert purge(app).requests == 1


def test_an_envelope_that_may_turn_up_late_is_not_forgotten(app, api, signing, time, deps):
    lost = ProviderUnavailable("Lost.", operation="create", may_have_acted=True)
    signing.before["create"] = raising(lost)
    api.create()
    time.advance(days=1)
    work(app)
    assert [row["status"] for row in api.get("/v1/signatures").json["signatures"]] == ["failed"]
    time.advance(days=1)

    with app.app_context():
        young = selected(ended_before=clock.utcnow() - timedelta(hours=1))
        assert (purging.survey(young).busy, purging.purge(young).requests) == (1, 0)
    time.advance(days=366)
    work(app)
    assert purge(app).requests == 1


def test_more_requests_than_one_transaction_deletes_are_purged_too(app, api, time, monkeypatch):
    monkeypatch.setattr(purging, "BATCH", 2)
    render_id = api.upload()
    for _ in range(5):
        cancelled(api, renderId=render_id)
    time.advance(days=366)

    purged = purge(app)

    assert (purged.requests, purged.renders) == (5, 1)


def test_the_envelopes_of_each_batch_are_told_before_it_is_deleted(app, api, signing, time):
    cancelled(api)
    time.advance(days=366)
    told = []

    def forget(provider_ids):
        told.extend(provider_ids)
        assert len(listed(api)) == 1

    with app.app_context():
        purging.purge(selected(), forget_envelopes=forget)

    assert told == list(signing.envelopes)
    assert listed(api) == set()


def test_a_purge_that_was_cut_off_is_finished_by_the_next(app, api, time, monkeypatch, tmp_path):
    monkeypatch.setattr(purging, "BATCH", 1)
    for _ in range(3):
        cancelled(api)
    time.advance(days=366)

    def die_at_the_second(provider_ids, *, seen=[]):  # noqa: B006 (it counts)
        seen.extend(provider_ids)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with app.app_context(), pytest.raises(KeyboardInterrupt):
        purging.purge(selected(), forget_envelopes=die_at_the_second)
    assert len(listed(api)) == 2
    assert len(files(tmp_path)) == 3

    assert purge(app).requests == 2
    assert files(tmp_path) == []


def test_what_was_erased_before_is_purged_with_its_facts(app, api, time, tmp_path):
    created = cancelled(api)
    with app.app_context():
        erasing.erase(UUID(created["id"]), deps=app.extensions[EXTENSION])
    time.advance(days=366)

    purged = purge(app)

    assert (purged.requests, purged.renders, purged.files) == (1, 1, 0)
    assert set(counts(app)) <= KEPT
