"""An installation of the first version, with data, becomes one of this version and loses nothing."""

from dataclasses import dataclass, replace
from typing import Any

import flask_migrate
import pytest
from sqlalchemy import MetaData, select

from app.api.schemas.signatures import SignatureCreateSchema, to_submission
from app.extensions import db
from app.migration import add_commands
from app.models import IdempotencyKey
from app.services.idempotency import fingerprint
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import SIGNED, finish, work
from tests.callers import Caller, make_body
from tests.provider_events import deliver, make_event

FIRST = "0001"


@dataclass
class Order:
    """A create that was acknowledged before the upgrade."""

    key: str
    body: dict[str, Any]
    answer: dict[str, Any]

    def repeat(self, api: Caller):
        return api.post("/v1/signatures", json=self.body, headers={"Idempotency-Key": self.key})


def place(api, key):
    order = Order(key, make_body(api.upload()), {})
    order.answer = order.repeat(api).json
    return order


@pytest.fixture
def completed(app, api, signing):
    """A request that everybody signed and whose files are here."""
    order = place(api, "first")
    envelope = signing.only()
    finish(signing, envelope)
    deliver(app, make_event(envelope.provider_id))
    work(app)
    order.answer = api.get(f"/v1/signatures/{order.answer['id']}").json
    assert order.answer["status"] == "completed"
    return order


@pytest.fixture
def still_open(completed, api):
    return place(api, "second")


@pytest.fixture
def upgraded(app, completed, still_open):
    """The database, taken back to the first version's tables with its data in them, and upgraded."""
    add_commands(app)
    with app.app_context():
        flask_migrate.downgrade(revision=FIRST)
        before = rows()
        flask_migrate.upgrade()
        return before


def rows():
    """Return what every table holds, by column."""
    metadata = MetaData()
    with db.engine.connect() as connection:
        metadata.reflect(connection)
        return {
            f"{table.name}.{column.name}": sorted(map(repr, connection.scalars(select(column))))
            for table in metadata.sorted_tables
            for column in table.columns
            if table.name != "alembic_version"
        }


def test_every_value_is_as_it_was(app, upgraded):
    with app.app_context():
        after = rows()

    assert upgraded == {column: after[column] for column in upgraded}
    assert upgraded["signature_requests.id"]


def test_requests_look_as_they_did(api, upgraded, completed, still_open):
    listed = api.get("/v1/signatures").json["signatures"]

    assert listed == [still_open.answer, completed.answer]


def test_keys_are_remembered_and_nobody_is_mailed_again(api, signing, upgraded, completed, still_open):
    answers = [order.repeat(api) for order in (completed, still_open)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json for answer in answers] == [completed.answer, still_open.answer]
    assert signing.calls.count("create") == 2


def test_keys_are_remembered_as_the_first_programs_wrote_them_down(app, api, signing, upgraded, still_open):
    submission = to_submission(SignatureCreateSchema().load(still_open.body))
    with app.app_context(), db.session.begin():
        row = db.session.scalars(select(IdempotencyKey).filter_by(key=still_open.key)).one()
        row.fingerprint = fingerprint(submission.as_first_mapping())

    assert still_open.repeat(api).json == still_open.answer
    assert_refused(
        replace(still_open, body=still_open.body | {"requireCode": True}).repeat(api), 409, "idempotency_key_reused"
    )
    assert signing.calls.count("create") == 2


def test_signed_documents_can_be_downloaded(api, upgraded, completed):
    assert api.get(f"/v1/signatures/{completed.answer['id']}/download").data == SIGNED


def test_what_was_open_goes_on_to_its_end(app, api, signing, upgraded, still_open):
    envelope = next(each for each in signing.envelopes.values() if str(each.draft.reference) == still_open.answer["id"])
    finish(signing, envelope)
    deliver(app, make_event(envelope.provider_id, event_id="evt_2"))

    work(app)

    assert api.get(f"/v1/signatures/{still_open.answer['id']}").json["status"] == "completed"
