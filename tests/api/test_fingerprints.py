"""A key that was used under an earlier version is known under this one: fingerprints never change."""

from app.api.schemas.signatures import SignatureCreateSchema, to_submission
from app.services.idempotency import fingerprint

BODY = {
    "renderId": "0193c2c3-1111-7aaa-8bbb-000000000001",
    "name": "Charter",
    "recipients": [
        {"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com"},
        {"firstName": "José", "email": "jose@example.com", "designation": "CC"},
    ],
    "fields": [{"recipientIndex": 0, "type": "signature", "page": 1, "x": 10, "y": 80.5, "width": 30, "height": 8}],
    "anchorTags": [{"anchorString": "{{sign_here}}", "type": "date", "recipientIndex": 0}],
}

#: What version 0.1.0 stored for this body.
STORED = "bf06d97de677f3b0fe9248b2e219ef8338c8891ff33a4d4f256cb803c39a1098"


def test_a_body_has_the_fingerprint_that_the_first_version_gave_it():
    assert fingerprint(to_submission(SignatureCreateSchema().load(BODY)).as_mapping()) == STORED


#: What the programs before it, with the tables of the first migration, stored.
STORED_FIRST = "0e94ac8d3125a7e914824d9b8f31a98c4f0b3bb1a707411bb0ddef512210dea7"


def test_the_fingerprint_of_the_first_tables_is_known_too():
    assert fingerprint(to_submission(SignatureCreateSchema().load(BODY)).as_first_mapping()) == STORED_FIRST


def test_what_the_first_programs_did_not_know_has_no_fingerprint_of_theirs():
    assert to_submission(SignatureCreateSchema().load(BODY | {"requireCode": True})).as_first_mapping() is None
