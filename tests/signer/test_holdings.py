"""The signing service's part of `countersign backup` and `countersign restore`."""

import stat

import pytest
from click.testing import CliRunner
from cryptography import x509

from app.cli import main
from app.signer.uploads import PDF
from app.signer.verification import verify
from tests import databases
from tests.builders.pdfs import make_pdf
from tests.commands import fails, lines
from tests.signer.service import CLIENT, FITTING, make_service


@pytest.fixture
def run(database_template, tmp_path_factory, monkeypatch):
    """Run commands beside an API whose database and files are elsewhere."""
    folder = tmp_path_factory.mktemp("api")
    monkeypatch.setenv("STORAGE_URL", f"file:{folder / 'storage'}")
    monkeypatch.setenv("LOG_LEVEL", "error")
    with database_template.copy(folder) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        yield lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.fixture
def service(start_service, monkeypatch):
    service = start_service()
    point_at(service.settings, monkeypatch)
    return service


def point_at(settings, monkeypatch):
    monkeypatch.setenv("SIGNER_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("SIGNER_STORAGE_URL", settings.storage_url)
    monkeypatch.setenv("SIGNER_CERTIFICATE", str(settings.certificate))


@pytest.fixture
def back_up(run, tmp_path):
    def act():
        lines(run("backup", str(tmp_path / "backup")))
        return tmp_path / "backup"

    return act


@pytest.fixture
def elsewhere(tmp_path, monkeypatch, sandbox):
    """Let commands work on a machine where nothing is yet; return what starts the service there."""
    folder = tmp_path / "new"
    folder.mkdir()
    with databases.empty(folder) as api_url, databases.empty(folder) as url:
        started = []

        def start():
            started.append(make_service(folder, sandbox, database_url=url))
            return started[-1]

        def move():
            monkeypatch.setenv("DATABASE_URL", api_url)
            monkeypatch.setenv("STORAGE_URL", f"file:{folder / 'api-storage'}")
            monkeypatch.setenv("SIGNER_DATABASE_URL", url)
            monkeypatch.setenv("SIGNER_STORAGE_URL", f"file:{folder / 'storage'}")
            monkeypatch.setenv("SIGNER_CERTIFICATE", str(folder / "seal.p12"))
            return start

        yield move
        for service in started:
            service.parts.database.engine.dispose()


def sealed(service, envelope_id):
    return service.fetch(service.get(envelope_id, "download").json["download_url"]).data


def test_what_was_signed_is_back_and_what_is_open_is_sealed_with_the_same_key(
    run, service, back_up, elsewhere, tmp_path
):
    signed = service.send()
    service.sign()
    document = sealed(service, signed)
    waiting = service.send()
    backup, start = back_up(), elsewhere()

    lines(run("restore", str(backup)))

    restored = start()
    assert restored.detail(signed) == service.detail(signed)
    assert sealed(restored, signed) == document
    assert [path.name for path in (tmp_path / "new/mail").glob("*")] == []
    sign_with(restored, service.token())
    certificate = x509.load_pem_x509_certificate((tmp_path / "seal.pem").read_bytes())
    assert verify(sealed(restored, waiting), trusted=certificate).ok


def sign_with(service, token):
    """Finish with a link that was mailed before the backup."""
    view = service.ceremony.open(token, CLIENT)
    entered = {field.id: FITTING[field.type] for field in view.fields}
    service.ceremony.finish(token, values=entered, consent=True, client=CLIENT)
    service.work()


def test_the_key_that_seals_is_in_it_for_its_owner_only(service, back_up):
    service.send()

    key = back_up() / "signer/seal.p12"

    assert key.read_bytes() == service.settings.certificate.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_another_key_is_never_overwritten(run, service, back_up, elsewhere, tmp_path):
    service.send()
    backup, _ = back_up(), elsewhere()
    (tmp_path / "new/seal.p12").write_bytes(b"another")

    assert "seal.p12 holds another key than the backup: move it away." in fails(run("restore", str(backup)))
    assert (tmp_path / "new/seal.p12").read_bytes() == b"another"


def test_an_upload_is_kept_for_as_long_as_it_can_be_used(service, back_up, time):
    late = put(service)
    time.advance(hours=2)
    waiting = put(service)

    names = [path.name for path in (back_up() / "signer/files/uploads").iterdir()]

    assert names == [f"{waiting}.pdf"]
    assert late != waiting


def put(service):
    document = make_pdf()
    announced = service.parts.uploads.announce(file_name="a.pdf", file_size=len(document), content_type=PDF)
    service.parts.uploads.put(announced.token, document, content_type=PDF)
    return announced.document_id


def test_without_the_bundled_service_there_is_nothing_of_it(run, back_up, monkeypatch, tmp_path):
    monkeypatch.setenv("SIGNER_DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.db'}")

    assert not (back_up() / "signer").exists()
    assert not (tmp_path / "nothing.db").exists()


def test_older_tables_are_one_line_that_says_what_to_do(run, service, tmp_path):
    databases.pretend_version(service.parts.database.engine, "0001")

    line = fails(run("backup", str(tmp_path / "backup")))

    assert "SIGNER_DATABASE_URL" in line
    assert "start the signing service once, which upgrades them" in line
    assert not (tmp_path / "backup").exists()
