"""Files: whole, by range, or not changed (contract section 3; RFC 9110 sections 13 and 14)."""

import hashlib

import pytest

from app.domain.errors import FileNotReady, ProviderUnavailable
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import CERTIFICATE, SIGNED, finish, work
from tests.builders.pdfs import make_pdf
from tests.callers import ABSENT
from tests.fakes.signing import raising
from tests.provider_events import deliver, make_event

CONTENT = make_pdf(text="A render")


@pytest.fixture(params=["render", "signed", "certificate"])
def file(request, app, api, signing):
    """Address, name and content of one of each kind of file."""
    render_id = api.upload(CONTENT)
    if request.param == "render":
        return f"/v1/renders/{render_id}/download", f"{render_id}.pdf", CONTENT
    created = complete(app, api, signing, renderId=render_id)
    address = f"/v1/signatures/{created['id']}"
    if request.param == "signed":
        return f"{address}/download", f"{created['id']}-signed.pdf", SIGNED
    return f"{address}/certificate", f"{created['id']}-certificate.pdf", CERTIFICATE


def complete(app, api, signing, **overrides):
    created = api.created(**overrides)
    finish(signing)
    deliver(app, make_event(signing.only().provider_id))
    work(app)
    return created


def test_a_file_is_sent_whole_as_an_attachment(api, file):
    path, name, content = file

    answer = api.get(path)

    assert answer.status_code == 200
    assert answer.data == content
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'


def test_head_says_the_same_without_the_bytes(api, file):
    path, _, _ = file

    head, whole = api.request("HEAD", path), api.get(path)

    assert head.status_code == 200
    assert head.data == b""
    for name in ("Content-Type", "Content-Length", "Content-Disposition", "Cache-Control", "ETag", "Accept-Ranges"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=0-999999999", slice(0, None)),
    ],
)
def test_a_range_is_sent_alone(api, file, given, part):
    path, _, content = file

    answer = api.get(path, headers={"Range": given})

    wanted = content[part]
    start = content.index(wanted) if part.start == 0 else len(content[: part.start])
    assert answer.status_code == 206
    assert answer.data == wanted
    assert answer.headers["Content-Length"] == str(len(wanted))
    assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(content)}"


@pytest.mark.parametrize("given", ["bytes=999999-", "bytes=999999-1000000", "bytes=-0"])
def test_a_range_outside_the_file_is_416_and_says_its_length(api, file, given):
    path, _, content = file

    answer = api.get(path, headers={"Range": given})

    assert_refused(answer, 416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(content)}"


def test_a_range_of_head_is_ignored(api, file):
    path, _, content = file

    for given in ("bytes=0-9", "bytes=999999-"):
        head = api.request("HEAD", path, headers={"Range": given})
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))


@pytest.mark.parametrize(
    "given",
    ["items=0-1", "bytes=0-1,5-6", "nonsense", "bytes=", "bytes=a-b", "bytes=-100000", f"bytes=0-{'9' * 5000}"],
    ids=lambda given: given[:20],
)
def test_a_range_that_is_not_understood_or_is_the_whole_is_ignored(api, file, given):
    path, _, content = file

    answer = api.get(path, headers={"Range": given})

    assert answer.status_code == 200
    assert answer.data == content


def test_a_file_that_the_caller_has_is_not_sent_again(api, file):
    path, _, _ = file
    tag = api.get(path).headers["ETag"]

    for given in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        answer = api.get(path, headers={"If-None-Match": given})
        assert answer.status_code == 304
        assert answer.data == b""
        assert answer.headers["ETag"] == tag
        part = api.get(path, headers={"If-None-Match": given, "Range": "bytes=0-9"})
        assert (part.status_code, part.data) == (304, b"")
    assert api.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("given", ['"another"', 'W/"{etag}"'])
@pytest.mark.parametrize("part", [{}, {"Range": "bytes=0-9"}])
def test_another_file_than_if_match_names_is_412(api, file, given, part):
    path, _, content = file
    wanted = given.format(etag=hashlib.sha256(content).hexdigest())

    answer = api.get(path, headers={"If-Match": wanted, **part})

    assert_refused(answer, 412, "precondition_failed")


@pytest.mark.parametrize("given", ['"{etag}"', '"another", "{etag}"', "*"])
def test_the_file_that_if_match_names_is_sent(api, file, given):
    path, _, content = file
    wanted = given.format(etag=hashlib.sha256(content).hexdigest())

    assert api.get(path, headers={"If-Match": wanted}).get_data() == content
    part = api.get(path, headers={"If-Match": wanted, "Range": "bytes=0-9"})
    assert (part.status_code, part.get_data()) == (206, content[:10])
    assert api.get(path, headers={"If-Match": wanted, "If-None-Match": "*"}).status_code == 304


def test_a_range_of_another_version_is_answered_with_the_whole(api, file):
    path, _, content = file
    tag = api.get(path).headers["ETag"]

    assert api.get(path, headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    answer = api.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert answer.status_code == 200
    assert answer.data == content


@pytest.mark.parametrize("name", ["download", "certificate"])
def test_what_is_not_there_is_404(api, name):
    assert_refused(api.get(f"/v1/signatures/{ABSENT}/{name}"), 404, "not_found")


@pytest.mark.parametrize("name", ["download", "certificate"])
def test_what_was_cancelled_has_no_files(api, name):
    created = api.created()
    api.post(f"/v1/signatures/{created['id']}/cancel")

    error = assert_refused(api.get(f"/v1/signatures/{created['id']}/{name}"), 409, "conflict")

    assert error["message"].endswith("is not available yet (status: cancelled).")


# --- A certificate that was not archived -----------------------------------------------------------------------------


@pytest.fixture
def without_certificate(app, api, signing, time):
    """The id of a request that completed at its deadline, with no certificate made."""
    created = api.created()
    finish(signing)
    signing.only().certificate = None
    deliver(app, make_event(signing.only().provider_id))
    time.advance(seconds=601)
    work(app)
    found = api.get(f"/v1/signatures/{created['id']}").json
    assert (found["status"], found["certificateUrl"]) == ("completed", None)
    return created["id"]


def test_a_certificate_that_was_not_archived_is_fetched_now(api, signing, without_certificate):
    signing.only().certificate = CERTIFICATE

    answer = api.get(f"/v1/signatures/{without_certificate}/certificate")

    assert answer.status_code == 200
    assert answer.data == CERTIFICATE
    found = api.get(f"/v1/signatures/{without_certificate}").json
    assert found["certificateUrl"] == f"https://sign.test/v1/signatures/{without_certificate}/certificate"


def test_a_fetched_certificate_is_ours_from_then_on(api, signing, without_certificate):
    signing.only().certificate = CERTIFICATE
    api.get(f"/v1/signatures/{without_certificate}/certificate")
    signing.only().certificate = None

    assert api.get(f"/v1/signatures/{without_certificate}/certificate").data == CERTIFICATE


@pytest.mark.parametrize(
    "error",
    [
        FileNotReady("Not ready.", operation="certificate", retry_after=7),
        ProviderUnavailable("No answer.", operation="certificate", may_have_acted=False),
    ],
    ids=["not ready", "unavailable"],
)
def test_a_certificate_that_cannot_be_fetched_is_502(api, signing, without_certificate, error):
    signing.before["certificate"] = raising(error)

    assert_refused(api.get(f"/v1/signatures/{without_certificate}/certificate"), 502, "upstream_error")


def test_a_certificate_that_is_rubbish_is_502_and_not_kept(api, signing, without_certificate):
    signing.only().certificate = b"<html>An error</html>"

    assert_refused(api.get(f"/v1/signatures/{without_certificate}/certificate"), 502, "upstream_error")
    assert api.get(f"/v1/signatures/{without_certificate}").json["certificateUrl"] is None
