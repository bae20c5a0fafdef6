"""The signed document and the certificate become ours, whole, or nothing changes (contract sections 3 and 5)."""

import errno
from dataclasses import dataclass

import pytest

from app.api.deps import EXTENSION
from app.domain.errors import FileNotOffered, FileNotReady, ProviderUnavailable
from app.domain.ports import FileStorage
from tests.api.expectations import assert_refused
from tests.builders.ceremonies import CERTIFICATE, SIGNED, finish, work
from tests.builders.pdfs import make_pdf
from tests.callers import rewire
from tests.fakes.signing import raising
from tests.provider_events import deliver, make_event


@dataclass
class FullDisk:
    """A storage on which nothing more fits; what is there can be read."""

    storage: FileStorage

    def save(self, key, content):  # noqa: ARG002 (the port's interface)
        raise OSError(errno.ENOSPC, "No space left on device")

    def __getattr__(self, name):
        return getattr(self.storage, name)


@pytest.fixture
def created(app, api, signing, time):
    """A request that everybody signed; no file is ready."""
    created = api.created()
    signing.finish(signing.only())
    deliver(app, make_event(signing.only().provider_id))
    return created


def show(api, created):
    return api.get(f"/v1/signatures/{created['id']}").json


def urls(found):
    return bool(found["signedDownloadUrl"]), bool(found["certificateUrl"])


def test_it_completes_once_both_files_are_ours(app, api, signing, created):
    work(app)
    assert (show(api, created)["status"], urls(show(api, created))) == ("sent", (False, False))

    finish(signing)
    work_after(app, seconds=60)

    assert (show(api, created)["status"], urls(show(api, created))) == ("completed", (True, True))
    assert api.get(f"/v1/signatures/{created['id']}/download").data == SIGNED
    assert api.get(f"/v1/signatures/{created['id']}/certificate").data == CERTIFICATE


@pytest.fixture(autouse=True)
def move(time):
    """Let `work_after` move the clock of the test."""
    work_after.time = time


def work_after(app, **delta):
    work_after.time.advance(**delta)
    return work(app)


def test_one_file_alone_completes_nothing(app, api, signing, created):
    signing.only().signed_document = SIGNED

    work_after(app, seconds=60)

    assert show(api, created)["status"] == "sent"
    assert_refused(api.get(f"/v1/signatures/{created['id']}/download"), 409, "conflict")


def test_the_provider_is_asked_again_when_it_said(app, api, signing, created):
    work(app)
    finish(signing)

    assert work_after(app, seconds=6) == 0
    work_after(app, seconds=1)

    assert show(api, created)["status"] == "completed"


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"<html>An error</html>", b"%PDF-1.7 and no more", b"not " + SIGNED[1:]],
    ids=["empty", "page", "torn", "no header"],
)
def test_what_is_no_pdf_is_not_kept(app, api, created, tmp_path, rubbish):
    signing = app.extensions[EXTENSION].signing
    signing.produce_files(signing.only(), signed=rubbish, certificate=CERTIFICATE)
    work_after(app, seconds=60)

    assert show(api, created)["status"] == "sent"
    assert rubbish not in [file.read_bytes() for file in (tmp_path / "storage").rglob("*.pdf")]

    finish(signing)
    work_after(app, hours=1)
    assert show(api, created)["status"] == "completed"


def test_a_provider_that_is_down_is_asked_again(app, api, signing, created):
    finish(signing)
    signing.before["download"] = raising(ProviderUnavailable("Down.", operation="download", may_have_acted=False))
    work_after(app, seconds=60)
    assert show(api, created)["status"] == "sent"

    signing.before.clear()
    work_after(app, hours=1)

    assert show(api, created)["status"] == "completed"


def test_a_file_that_will_never_be_made_is_not_waited_for(app, api, signing, created):
    finish(signing)
    signing.before["certificate"] = raising(FileNotOffered("None.", operation="certificate", status=404))
    work_after(app, seconds=60)

    assert (show(api, created)["status"], urls(show(api, created))) == ("completed", (True, False))


def test_a_full_disk_changes_nothing_and_is_tried_again(app, deps, api, created, tmp_path):
    signing = deps.signing
    finish(signing)
    before = stored_files(tmp_path)
    rewire(app, storage=FullDisk(deps.storage))
    work_after(app, seconds=60)

    assert show(api, created)["status"] == "sent"
    assert stored_files(tmp_path) == before

    rewire(app, storage=deps.storage)
    work_after(app, hours=1)
    assert show(api, created)["status"] == "completed"


def stored_files(tmp_path):
    return sorted(path.name for path in (tmp_path / "storage").rglob("*") if path.is_file())


def test_at_the_deadline_it_completes_without_its_files_and_gets_them_later(app, api, signing, created, time):
    work_after(app, seconds=599)
    assert show(api, created)["status"] == "sent"

    work_after(app, seconds=8)
    found = show(api, created)
    assert (found["status"], urls(found)) == ("completed", (False, False))
    assert found["completedAt"] == "2026-06-05T10:00:00.000Z"
    assert_refused(api.get(f"/v1/signatures/{created['id']}/download"), 409, "conflict")

    finish(signing)
    work_after(app, hours=1)
    assert urls(show(api, created)) == (True, True)
    assert show(api, created)["completedAt"] == "2026-06-05T10:00:00.000Z"


def test_at_the_deadline_the_file_that_is_there_is_kept(app, api, signing, created):
    signing.only().signed_document = SIGNED

    work_after(app, seconds=601)

    assert (show(api, created)["status"], urls(show(api, created))) == ("completed", (True, False))
    assert api.get(f"/v1/signatures/{created['id']}/download").data == SIGNED


def test_a_certificate_with_the_bytes_of_the_document_is_kept_too(app, api, signing, created):
    signing.produce_files(signing.only(), signed=SIGNED, certificate=SIGNED)

    work_after(app, seconds=60)

    assert urls(show(api, created)) == (True, True)


def test_a_full_disk_refuses_an_upload_and_keeps_nothing(app, deps, api, tmp_path):
    rewire(app, storage=FullDisk(deps.storage))

    answer = api.post(
        "/v1/renders", data=make_pdf(), content_type="application/pdf", headers={"Idempotency-Key": "render-1"}
    )

    assert_refused(answer, 503, "storage_unavailable")
    assert stored_files(tmp_path) == []
    assert api.get("/v1/renders").json["renders"] == []
    rewire(app, storage=deps.storage)
    answer = api.post(
        "/v1/renders", data=make_pdf(), content_type="application/pdf", headers={"Idempotency-Key": "render-1"}
    )
    assert answer.status_code == 201


def test_a_full_disk_leaves_a_reserved_render_queued(app, deps, api):
    reserved = api.post("/v1/renders", json={}).json
    rewire(app, storage=FullDisk(deps.storage))

    answer = api.put(f"/v1/renders/{reserved['id']}/pdf", data=make_pdf(), content_type="application/pdf")

    assert_refused(answer, 503, "storage_unavailable")
    assert api.get(f"/v1/renders/{reserved['id']}").json == reserved


def test_a_full_disk_keeps_no_certificate_that_is_fetched(app, deps, api, signing, created):
    signing.only().signed_document = SIGNED
    work_after(app, seconds=601)
    signing.only().certificate = CERTIFICATE
    rewire(app, storage=FullDisk(deps.storage))

    answer = api.get(f"/v1/signatures/{created['id']}/certificate")

    assert_refused(answer, 503, "storage_unavailable")
    assert urls(show(api, created)) == (True, False)


def test_the_archive_waits_while_no_signing_service_is_configured(app, deps, api, signing, created):
    finish(signing)
    rewire(app, signing=None)
    assert work_after(app, seconds=60) == 0

    rewire(app, signing=signing)
    work(app)

    assert show(api, created)["status"] == "completed"


def test_a_file_that_is_not_ready_says_when_to_ask_again(app, signing, created):
    slow = FileNotReady("Not ready.", operation="download", retry_after=30)
    signing.before["download"] = raising(slow)
    work(app)
    calls = signing.calls.count("download")

    work_after(app, seconds=29)
    assert signing.calls.count("download") == calls
    work_after(app, seconds=1)
    assert signing.calls.count("download") == calls + 1
