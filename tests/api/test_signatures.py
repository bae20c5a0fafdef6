"""A signature request over its life: create, get, complete (contract sections 2 and 3)."""

import re
from itertools import pairwise

from tests.builders.ceremonies import finish, work
from tests.callers import make_recipient, rewire
from tests.provider_events import deliver, make_event

MEMBERS = [
    "id",
    "renderId",
    "name",
    "status",
    "recipients",
    "expirationHours",
    "signedDownloadUrl",
    "certificateUrl",
    "errorMessage",
    "createdAt",
    "completedAt",
]
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_created_request_has_the_shape_of_the_documentation(api, signing, time):
    render_id = api.upload()

    answer = api.create(renderId=render_id)

    assert answer.status_code == 201
    created = answer.json
    assert UUID7.fullmatch(created["id"])
    assert created == {
        "id": created["id"],
        "renderId": render_id,
        "name": "Charter",
        "status": "sent",
        "recipients": [
            {
                "id": signing.only().people[0].provider_id,
                "firstName": "Jane",
                "lastName": "Doe",
                "email": "jane@example.com",
                "designation": "Signer",
                "order": 1,
            }
        ],
        "expirationHours": 168,
        "signedDownloadUrl": None,
        "certificateUrl": None,
        "errorMessage": None,
        "createdAt": "2026-06-05T10:00:00.000Z",
        "completedAt": None,
    }
    assert list(created) == MEMBERS


def test_the_location_of_a_created_request_is_its_address(api):
    answer = api.create()

    assert answer.headers["Location"] == f"https://sign.test/v1/signatures/{answer.json['id']}"


def test_every_answer_shows_the_same_request(api):
    created = api.created()

    assert api.get(f"/v1/signatures/{created['id']}").json == created
    assert api.get("/v1/signatures").json["signatures"] == [created]
    assert list(api.post(f"/v1/signatures/{created['id']}/cancel").json) == MEMBERS


def test_the_recipients_keep_their_places_whatever_their_order(api, signing):
    people = [
        make_recipient(email=f"{name}@example.com", order=order) for name, order in zip("abc", (3, 1, 2), strict=True)
    ]

    created = api.created(recipients=people)

    assert [person["email"] for person in created["recipients"]] == ["a@example.com", "b@example.com", "c@example.com"]
    ids = {person.order: person.provider_id for person in signing.only().people}
    assert [person["id"] for person in created["recipients"]] == [ids[3], ids[1], ids[2]]


def test_one_address_twice_is_two_people(api):
    first, second = api.created(recipients=[make_recipient(), make_recipient(firstName="Jim")])["recipients"]

    assert first["id"] != second["id"]


def test_the_request_id_is_the_reference_of_its_envelope(api, signing):
    created = api.created()

    assert str(signing.only().draft.reference) == created["id"]


def test_what_was_asked_is_what_is_sent(api, signing):
    api.created(name="Lease", expirationHours=24, recipients=[make_recipient(lastName="D")])

    draft = signing.only().draft
    assert draft.name == "Lease"
    assert draft.expiration_hours == 24
    assert draft.recipients[0].last_name == "D"
    assert draft.fields[0].page == 1


def test_a_completed_request_shows_when_and_where_its_files_are(app, api, signing, time):
    created = api.created()
    time.advance(hours=1)
    finish(signing)
    deliver(app, make_event(signing.only().provider_id))
    time.advance(minutes=2)

    work(app)

    found = api.get(f"/v1/signatures/{created['id']}").json
    address = f"https://sign.test/v1/signatures/{created['id']}"
    assert found == created | {
        "status": "completed",
        "signedDownloadUrl": f"{address}/download",
        "certificateUrl": f"{address}/certificate",
        "completedAt": "2026-06-05T11:00:00.000Z",
        "recipients": [created["recipients"][0] | {"signedAt": "2026-06-05T11:00:00.000Z"}],
    }


def test_ids_sort_by_time(api):
    ids = [api.created()["id"] for _ in range(3)]

    assert all(earlier < later for earlier, later in pairwise(ids))


def test_no_signing_service_leaves_reading_possible(app, api):
    created = api.created()
    rewire(app, signing=None)

    assert api.get(f"/v1/signatures/{created['id']}").json == created
    assert api.get("/v1/signatures").status_code == 200
