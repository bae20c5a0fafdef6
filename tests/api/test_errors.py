"""Every row of the contract's table of errors, and the shape of the body."""

import io

import pytest

from app.domain.errors import CreditsExhausted, ProviderRejected, ProviderUnavailable
from app.extensions import db
from tests.api.expectations import assert_invalid, assert_refused
from tests.builders.pdfs import make_pdf
from tests.builders.sized import padded_pdf
from tests.callers import ABSENT, make_anchor, make_body, make_field, make_recipient, rewire
from tests.fakes.inspector import TrustingInspector
from tests.fakes.signing import raising

MIB = 1024 * 1024


# --- The table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": -Infinity}',
        b'{"name": "a", "name": "b"}',
        b'{"recipients": [{"email": "a", "email": "b"}]}',
        b'\xef\xbb\xbf{"name": "a"}',
        b'{"name": "\xff"}',
        b'{"name": "a"} {}',
        "{}".encode("utf-16"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b'{"name": ' + b"1" * 5000 + b"}",
        b"{'name': 'a'}",
        b'{"name": "a",}',
        b'{"name": "line\nbreak"}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_not_json_is_invalid_json(api, body):
    error = assert_refused(api.post("/v1/signatures", data=body), 400, "invalid_json")

    assert "issues" not in error


def test_json_is_read_whatever_its_content_type(api):
    render_id = api.upload()

    answer = api.post("/v1/signatures", json=make_body(render_id), content_type="text/plain")

    assert answer.status_code == 201


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true"])
def test_a_body_that_is_no_object_is_refused_as_a_whole(api, body):
    assert_invalid(api.post("/v1/signatures", data=body))


def test_a_failed_validation_names_each_member_by_its_dotted_wire_name(api):
    body = make_body(
        ABSENT,
        recipients=[make_recipient(email="nobody", firstName="")],
        fields=[make_field(recipientIndex=-1), make_field(width=0)],
        anchorTags=[make_anchor(anchorString="")],
        expirationHours=0,
    )

    answer = api.post("/v1/signatures", json=body)

    assert_invalid(
        answer,
        "recipients.0.email",
        "recipients.0.firstName",
        "fields.0.recipientIndex",
        "fields.1.width",
        "anchorTags.0.anchorString",
        "expirationHours",
    )


def test_a_rule_of_the_whole_object_goes_to_the_form_errors(api):
    answer = api.post("/v1/signatures", json=make_body(ABSENT, fields=None))

    assert_invalid(answer)


def test_a_missing_key_is_401_with_a_challenge(app):
    answer = app.test_client().get("/v1/signatures")

    assert_refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_no_credits_left_is_402(api, signing):
    signing.before["create"] = raising(CreditsExhausted("No credits.", operation="create", status=402))

    assert_refused(api.create(), 402, "signature_credits_exhausted")


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/signatures/{ABSENT}",
        f"/v1/signatures/{ABSENT}/download",
        f"/v1/renders/{ABSENT}",
        "/v1/signatures/not-a-uuid",
        "/v1/renders/12345/download",
        "/v1/nothing",
        "/v1/signatures/",
        "/v1//signatures",
        "//v1/signatures",
        "/v1/renders/%00",
        "/v1/signatures/%2e%2e/download",
    ],
)
def test_what_is_not_there_is_404(api, path):
    assert_refused(api.get(path), 404, "not_found")


def test_an_address_outside_the_api_is_404_too(app):
    assert_refused(app.test_client().get("/nothing"), 404, "not_found")


def test_an_absent_render_is_404(api):
    assert_refused(api.create(renderId=ABSENT), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/signatures", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", f"/v1/signatures/{ABSENT}", {"GET", "HEAD", "OPTIONS"}),
        ("GET", f"/v1/signatures/{ABSENT}/cancel", {"OPTIONS", "POST"}),
        ("GET", "/hooks/signing-provider", {"OPTIONS", "POST"}),
    ],
)
def test_a_method_that_is_not_answered_is_405_and_says_which_are(api, method, path, allowed):
    answer = api.request(method, path)

    assert_refused(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "image/png", ""])
def test_a_render_of_another_kind_is_415(api, content_type):
    answer = api.post("/v1/renders", data=make_pdf(), content_type=content_type)

    assert_refused(answer, 415, "unsupported_media_type")


def test_a_range_outside_the_file_is_416(api):
    answer = api.get(f"/v1/renders/{api.upload()}/download", headers={"Range": "bytes=9999999-"})

    assert_refused(answer, 416, "range_not_satisfiable")
    assert answer.headers["Content-Range"].startswith("bytes */")


def test_a_render_that_is_not_ready_is_409(api):
    reserved = api.post("/v1/renders", json={}).json["id"]

    assert_refused(api.create(renderId=reserved), 409, "conflict")


def test_a_failed_render_is_409(api):
    reserved = api.post("/v1/renders", json={}).json["id"]
    api.post(f"/v1/renders/{reserved}/fail", json={"errorMessage": "No template."})

    assert_refused(api.create(renderId=reserved), 409, "conflict")


def test_cancelling_what_is_over_is_409(api):
    created = api.created()
    api.post(f"/v1/signatures/{created['id']}/cancel")

    assert_refused(api.post(f"/v1/signatures/{created['id']}/cancel"), 409, "conflict")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("download", "Signed document is not available yet (status: sent)."),
        ("certificate", "Completion certificate is not available yet (status: sent)."),
    ],
)
def test_a_file_that_is_not_there_yet_is_409_and_says_so(api, file, message):
    created = api.created()

    error = assert_refused(api.get(f"/v1/signatures/{created['id']}/{file}"), 409, "conflict")

    assert error["message"] == message


def test_a_key_used_with_another_body_is_409(api):
    render_id = api.upload()
    api.create(key="order-1", renderId=render_id)

    answer = api.create(key="order-1", renderId=render_id, name="Another")

    assert_refused(answer, 409, "idempotency_key_reused")


def test_a_document_of_20_mib_is_sent(app, api):
    rewire(app, inspector=TrustingInspector())
    render_id = api.upload(padded_pdf(20 * MIB))

    assert api.create(renderId=render_id).status_code == 201


def test_a_document_one_byte_over_20_mib_is_413(app, api):
    rewire(app, inspector=TrustingInspector())
    render_id = api.upload(padded_pdf(20 * MIB + 1))

    assert_refused(api.create(renderId=render_id), 413, "document_too_large")


def json_of(size):
    return b'{"name": "' + b"a" * (size - 12) + b'"}'


@pytest.mark.parametrize("path", ["/v1/signatures", f"/v1/signatures/{ABSENT}/cancel"])
def test_a_json_body_over_1_mib_is_413(api, path):
    assert_refused(api.post(path, data=json_of(MIB + 1)), 413, "request_too_large")


def test_a_json_body_of_1_mib_is_read(api):
    assert len(json_of(MIB)) == MIB
    assert_refused(api.post("/v1/signatures", data=json_of(MIB)), 400, "invalid_request")


def test_a_json_body_over_1_mib_that_does_not_say_its_length_is_413(api):
    answer = api.post(
        "/v1/signatures",
        input_stream=io.BytesIO(json_of(MIB + 1)),
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert_refused(answer, 413, "request_too_large")


def test_a_fault_of_ours_is_500(api, signing):
    signing.before["create"] = raising(RuntimeError("unforeseen"))

    assert_refused(api.create(), 500, "internal")


def test_a_refusal_of_the_provider_is_502(api, signing):
    signing.before["create"] = raising(ProviderRejected("Refused.", operation="create", status=422))

    assert_refused(api.create(), 502, "signature_provider_error")


def test_a_provider_that_is_busy_is_502_with_retry_after(api, signing):
    busy = ProviderUnavailable("Busy.", operation="create", may_have_acted=False, status=429, retry_after=42)
    signing.before["create"] = raising(busy)

    answer = api.create()

    assert_refused(answer, 502, "signature_provider_error")
    assert answer.headers["Retry-After"] == "42"


def test_a_cancel_that_the_provider_fails_is_502(api, signing):
    created = api.created()
    signing.before["cancel"] = raising(ProviderRejected("Refused.", operation="cancel", status=500))

    assert_refused(api.post(f"/v1/signatures/{created['id']}/cancel"), 502, "signature_provider_error")


def test_no_signing_service_is_503(app, api):
    rewire(app, signing=None)

    assert_refused(api.create(), 503, "signatures_unavailable")


# --- Nothing leaks ---------------------------------------------------------------------------------------------------

SECRET = "sk_live_0123456789 of jane@example.com in /srv/app/secret.py: SELECT * FROM users"


def test_an_unforeseen_error_tells_the_caller_nothing(api, signing):
    signing.before["create"] = raising(RuntimeError(SECRET))

    answer = api.create()

    assert answer.status_code == 500
    assert answer.json["error"]["message"] == "Something went wrong on this server."
    for word in ("sk_live", "jane", "/srv", "SELECT", "RuntimeError", "Traceback"):
        assert word not in answer.get_data(as_text=True)
        assert word not in str(answer.headers)


def test_a_database_error_hides_names_and_addresses_in_the_log(app, api, logged):
    render_id = api.upload()
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE recipients RENAME TO people")

    answer = api.create(renderId=render_id, recipients=[make_recipient(email="hidden@example.com")])

    assert answer.status_code == 500
    text = logged.getvalue()
    assert "unhandled error" in text
    assert "hidden@example.com" not in text
