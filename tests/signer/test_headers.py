"""What every answer of the signing service tells a browser."""

import pytest

DATA = "default-src 'none'; frame-ancestors 'none'"
PATHS = ["/health", "/nowhere", "/signing-request-api/signing-requests", "/files/forged", "/uploads/forged"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", PATHS)
def test_no_answer_runs_or_frames_anything_or_tells_where_the_reader_was(service, path, method):
    answer = service.app.test_client().open(path, method=method)

    assert answer.headers["Content-Security-Policy"] == DATA
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_pages_keep_a_policy_of_their_own(service):
    answer = service.app.test_client().get("/signing/unknown")

    assert answer.headers.getlist("Content-Security-Policy") != [DATA]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("public_url", "expected"), [("https://sign.test", "max-age=31536000"), ("http://x.test", None)]
)
def test_browsers_are_told_to_insist_on_tls_where_there_is_tls(start_service, public_url, expected):
    answer = start_service(public_url=public_url).app.test_client().get("/health")

    assert answer.headers.get("Strict-Transport-Security") == expected
