"""Builders for the tests of the signing gateway."""

from uuid import UUID

from app.domain.ports import (
    Designation,
    EnvelopeAnchor,
    EnvelopeDraft,
    EnvelopeField,
    EnvelopeRecipient,
    PageSize,
)
from app.gateways.signing.client import SigningClient

BASE_URL = "https://signing.invalid/functions/v1/signing-request-api"
API_KEY = "key-of-tests"
REFERENCE = UUID("0193c2c3-2222-7aaa-8bbb-000000000002")
ENVELOPE_ID = "7a6f4ed4-4c1c-4d35-9b8e-2f8a3b1c0001"
PERSON_ID = "7a6f4ed4-4c1c-4d35-9b8e-2f8a3b1c0002"
LETTER = PageSize(width=612, height=792)
PDF = b"%PDF-1.7 made for a test"

ENVELOPE_URL = f"{BASE_URL}/signing-requests/{ENVELOPE_ID}"
CREATE_URL = f"{BASE_URL}/signing-requests/create-and-send"


def make_client(**overrides):
    settings = {"base_url": BASE_URL, "api_key": API_KEY}
    return SigningClient(**{**settings, **overrides})


def make_recipient(**overrides):
    person = {
        "first_name": "Ana",
        "last_name": "Ruiz",
        "email": "ana@example.test",
        "designation": Designation.SIGNER,
        "order": 1,
    }
    return EnvelopeRecipient(**{**person, **overrides})


def make_field(**overrides):
    field = {"recipient_index": 0, "type": "signature", "page": 1, "x": 10.0, "y": 80.0}
    return EnvelopeField(**{**field, **overrides})


def make_anchor(**overrides):
    anchor = {"recipient_index": 0, "type": "signature", "text": "{{SIGN_1}}", "matches": ()}
    return EnvelopeAnchor(**{**anchor, **overrides})


def make_draft(**overrides):
    draft = {
        "reference": REFERENCE,
        "name": "Lease",
        "document": PDF,
        "pages": (LETTER,),
        "recipients": (make_recipient(),),
        "fields": (make_field(),),
        "anchors": (),
        "expiration_hours": 168,
    }
    return EnvelopeDraft(**{**draft, **overrides})


def person_json(**overrides):
    return {
        "id": PERSON_ID,
        "name": "Ana Ruiz",
        "email": "ana@example.test",
        "designation": "Signer",
        "order": 1,
        "finished_on": None,
        "declined_on": None,
        "decline_reason": None,
        **overrides,
    }


def created_json(**overrides):
    return {"id": ENVELOPE_ID, "name": "Lease", "status": "sent", "recipients": [person_json()], **overrides}


def detail_json(*flags, **overrides):
    names = ("sent", "finished", "cancelled", "declined", "expired")
    return {
        "id": ENVELOPE_ID,
        "status": {name: name in flags for name in names},
        "expires_at": None,
        "timestamps": {"finished_on": None},
        "certificate": {"generated": False, "generated_on": None, "has_error": False},
        "certificate_only_download_url": None,
        "certificate_only_download_error": None,
        **overrides,
    }
