"""What every answer carries, whatever it answers."""

import re
from dataclasses import replace

import pytest

from app.factory import create_app
from tests.builders.pdfs import make_pdf
from tests.callers import ABSENT, make_body
from tests.fakes.signing import raising

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

#: The policy of what is data and no page.
DATA = "default-src 'none'; frame-ancestors 'none'"


def answers(app, api, **kwargs):
    """Return an answer of every kind: fine, refused, unknown, not allowed, unauthorized, public, failed."""
    signing = app.extensions["countersign"].signing
    signing.before["create"] = raising(RuntimeError("unforeseen"))
    client = app.test_client()
    return {
        200: api.get("/v1/signatures", **kwargs),
        400: api.post("/v1/signatures", data=b"{", **kwargs),
        404: api.get(f"/v1/signatures/{ABSENT}", **kwargs),
        405: api.put("/v1/signatures", **kwargs),
        415: api.post("/v1/renders", data=b"", content_type="text/plain", **kwargs),
        401: client.get("/v1/signatures", **kwargs),
        500: api.create() if not kwargs else api.request("POST", "/v1/signatures", data=b"{", **kwargs),
        "health": client.get("/v1/health", **kwargs),
        "hook": client.post("/hooks/signing-provider", **kwargs),
        "download": api.get(f"/v1/renders/{api.upload()}/download", **kwargs),
        "nowhere": client.get("/", **kwargs),
    }


@pytest.mark.parametrize("given", ["a", "0193c2c3-2222-7aaa-8bbb-000000000002", "req_1.2:3/4+5=6-7", "x" * 128])
def test_a_sane_request_id_of_the_caller_is_on_every_answer(app, api, given):
    for kind, answer in answers(app, api, headers={"X-Request-Id": given}).items():
        assert answer.headers.getlist("X-Request-Id") == [given], kind


@pytest.mark.parametrize("given", ["", " ", "x" * 129, "a b", "a;b", '"quoted"', "\u00e4", "<script>"])
def test_another_request_id_is_replaced(app, given):
    answer = app.test_client().get("/v1/health", headers={"X-Request-Id": given})

    assert UUID7.fullmatch(answer.headers["X-Request-Id"])


def test_without_a_request_id_every_answer_gets_one_of_its_own(app, api):
    ids = [answer.headers["X-Request-Id"] for answer in answers(app, api).values()]

    assert all(UUID7.fullmatch(found) for found in ids)
    assert len(set(ids)) == len(ids)


def test_no_answer_is_cached_or_sniffed_or_shared_with_other_origins(app, api):
    for kind, answer in answers(app, api).items():
        assert answer.headers["Cache-Control"] == "private, no-store", kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff", kind
        assert not [name for name in answer.headers.keys() if name.startswith("Access-Control")], kind  # noqa: SIM118 (werkzeug's headers iterate over pairs)


def test_no_answer_runs_or_frames_anything_or_tells_where_the_reader_was(app, api):
    for kind, answer in answers(app, api).items():
        assert answer.headers["Content-Security-Policy"] in {DATA, "sandbox"}, kind
        assert answer.headers["Referrer-Policy"] == "no-referrer", kind
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", kind
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000", kind


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/v1/health", "/v1/signatures", "/hooks/signing-provider", "/nowhere"])
def test_every_method_is_answered_with_them(app, method, path):
    answer = app.test_client().open(path, method=method)

    assert answer.headers["Content-Security-Policy"] == DATA
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_document_runs_nothing_where_it_is_shown(api):
    answer = api.get(f"/v1/renders/{api.upload()}/download")

    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_without_tls_nobody_is_told_to_insist_on_it(settings, deps):
    app = create_app(replace(settings, public_url="http://127.0.0.1:8000"), deps)

    assert "Strict-Transport-Security" not in app.test_client().get("/nowhere").headers


def test_addresses_are_built_from_the_setting_and_never_from_the_host_that_was_asked_for(api):
    forged = {"Host": "evil.test", "X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test"}
    render = api.post("/v1/renders", data=make_pdf(), content_type="application/pdf", headers=forged)
    request = api.post("/v1/signatures", json=make_body(render.json["id"]), headers=forged)

    for answer in (render, request):
        assert answer.headers["Location"].startswith("https://sign.test/v1/")
        assert "evil.test" not in answer.get_data(as_text=True) + str(answer.headers)


def test_a_preflight_allows_nothing(app, api):
    answer = app.test_client().options(
        "/v1/signatures", headers={"Origin": "https://elsewhere.test", "Access-Control-Request-Method": "POST"}
    )

    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_the_request_id_is_in_the_log(app, api, logged):
    failed = answers(app, api)[500]

    assert failed.headers["X-Request-Id"] in logged.getvalue()
