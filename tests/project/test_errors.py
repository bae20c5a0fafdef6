"""Every error of ours is part of the contract."""

from app.api.errors import STATUS_BY_ERROR, status_of
from app.domain.errors import CountersignError

DOCUMENTED = {
    "invalid_json": 400,
    "invalid_request": 400,
    "unauthorized": 401,
    "signature_credits_exhausted": 402,
    "not_found": 404,
    "unsupported_media_type": 415,
    "conflict": 409,
    "idempotency_key_reused": 409,
    "document_too_large": 413,
    "request_too_large": 413,
    "rate_limited": 429,
    "internal": 500,
    "signature_provider_error": 502,
    "upstream_error": 502,
    "signatures_unavailable": 503,
    "storage_unavailable": 503,
}


def test_every_error_of_ours_has_a_documented_code_and_its_status():
    for kind in everything_below(CountersignError):
        assert status_of(kind) == DOCUMENTED[kind.code], kind


def test_every_entry_of_the_table_is_an_error_that_exists():
    assert set(STATUS_BY_ERROR) <= set(everything_below(CountersignError))


def everything_below(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from everything_below(child)
