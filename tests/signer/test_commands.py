"""`countersign audit verify` and the signing service's part of `countersign doctor`."""

import uuid

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from app.cli import main
from app.domain import clock
from app.signer import typefaces
from app.signer.models import AuditEntry, Envelope, Mail, Webhook
from tests import databases


@pytest.fixture
def service(start_service, monkeypatch):
    service = start_service()
    monkeypatch.setenv("SIGNER_DATABASE_URL", service.settings.database_url)
    monkeypatch.setenv("SIGNER_STORAGE_URL", service.settings.storage_url)
    return service


@pytest.fixture
def signed(service):
    envelope_id = service.send()
    service.sign()
    return envelope_id


def verify(envelope_id, *options):
    result = CliRunner().invoke(main, ["audit", "verify", str(envelope_id), *options])
    return result.exit_code, result.stdout.splitlines(), result.stderr


def change(service, table, envelope_id, **values):
    condition = table.id if table is Envelope else table.envelope_id
    with service.parts.database.unit_of_work() as session:
        session.execute(update(table).where(condition == uuid.UUID(envelope_id)).values(**values))


def trail(service, envelope_id):
    return service.parts.envelopes.audit_trail(uuid.UUID(envelope_id))


class TestSeal:
    def verify(self, service, envelope_id, folder):
        sealed = folder / "signed.pdf"
        envelope = service.parts.envelopes.get(uuid.UUID(envelope_id))
        sealed.write_bytes(service.parts.storage.read(envelope.signed_key))
        return CliRunner().invoke(main, ["verify", str(sealed)])

    def test_it_is_held_against_the_certificate_of_the_settings(self, service, signed, monkeypatch, tmp_path):
        monkeypatch.setenv("SIGNER_CERTIFICATE", str(service.settings.certificate))
        result = self.verify(service, signed, tmp_path)
        assert result.exit_code == 0
        assert result.stdout.endswith("The seal holds.\n")

    def test_where_there_is_no_certificate_it_says_who_makes_it(self, service, signed, monkeypatch, tmp_path):
        monkeypatch.setenv("SIGNER_CERTIFICATE", str(tmp_path / "none.p12"))
        result = self.verify(service, signed, tmp_path)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: There is no certificate {tmp_path / 'none.pem'}.")


class TestAudit:
    def test_a_whole_trail_holds(self, service, signed):
        code, lines, _ = verify(signed)
        assert code == 0
        count = len(trail(service, signed))
        assert lines[0].startswith(f"All {count} lines, from 2026-06-05 10:00:00 to 2026-06-05 10:00:00 UTC, are as")
        assert lines[-1] == "The audit trail holds."

    def test_the_stored_files_are_compared(self, service, signed):
        envelope = service.parts.envelopes.get(uuid.UUID(signed))
        service.parts.storage.save(envelope.signed_key, b"another")
        code, lines, _ = verify(signed)
        assert code == 1
        assert any(line.startswith("The stored sealed document is not the one") for line in lines)
        assert lines[-1] == "THE AUDIT TRAIL DOES NOT HOLD."

    def test_a_missing_file_is_said(self, service, signed):
        service.parts.storage.delete(service.parts.envelopes.get(uuid.UUID(signed)).document_key)
        code, lines, _ = verify(signed)
        assert code == 1
        assert "The document as it was sent cannot be read from the storage." in lines

    def test_a_changed_line_is_named(self, service, signed):
        entries = trail(service, signed)
        with service.parts.database.unit_of_work() as session:
            session.execute(update(AuditEntry).where(AuditEntry.id == entries[2].id).values(ip_address="198.51.100.1"))
        code, lines, _ = verify(signed)
        assert code == 1
        assert lines[0].startswith("The chain breaks at line 3")

    def test_the_hash_of_the_certificate_is_looked_up(self, service, signed):
        entries = trail(service, signed)
        code, lines, _ = verify(signed, "--hash", entries[-2].hash.upper())
        assert code == 0
        assert (
            f"Line {len(entries) - 1} has the hash that the certificate of completion names; up to it, all is there."
            in lines
        )

    def test_lines_taken_off_the_end_show_by_the_certificate(self, service, signed):
        last = trail(service, signed)[-1]
        with service.parts.database.unit_of_work() as session:
            session.delete(session.get(AuditEntry, last.id))
        assert verify(signed)[0] == 0
        code, lines, _ = verify(signed, "--hash", last.hash)
        assert code == 1
        assert any(line.startswith("No line has the hash") for line in lines)

    @pytest.mark.usefixtures("service")
    def test_an_unknown_envelope_is_one_line(self):
        code, lines, error = verify(uuid.uuid4())
        assert (code, lines) == (1, [])
        assert error == "Error: There is no such envelope; its id is on the certificate of completion.\n"

    def test_a_database_that_is_not_there_is_one_line_and_not_made(self, monkeypatch, tmp_path):
        monkeypatch.setenv("SIGNER_DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.db'}")
        code, _, error = verify(uuid.uuid4())
        assert code == 1
        assert error == "Error: There is no database at SIGNER_DATABASE_URL.\n"
        assert not (tmp_path / "nothing.db").exists()

    def test_a_database_of_something_else_is_one_line(self, monkeypatch, tmp_path):
        (tmp_path / "other.db").write_bytes(b"something else")
        monkeypatch.setenv("SIGNER_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
        code, _, error = verify(uuid.uuid4())
        assert code == 1
        assert error == "Error: SIGNER_DATABASE_URL cannot be read (DatabaseError).\n"


@pytest.fixture
def doctor(database_template, tmp_path_factory, monkeypatch):
    """Return what `doctor` says, by subject."""
    folder = tmp_path_factory.mktemp("doctor")
    monkeypatch.setenv("STORAGE_URL", f"file:{folder}")
    monkeypatch.setenv("LOG_LEVEL", "error")

    def examine():
        lines = CliRunner().invoke(main, ["doctor"]).stdout.splitlines()
        return dict(line[6:].split(": ", 1) for line in lines if not line.startswith(" "))

    with database_template.copy(folder) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        yield examine


class TestDoctor:
    FONTS = "fonts for Chinese, Japanese and Korean"
    MAILS = "mails that could not be delivered in the last week"
    SEALS = "signed documents that wait for their seal"
    WEBHOOK = "the signing service's webhook"

    @pytest.mark.usefixtures("service")
    def test_it_says_whether_the_fonts_are_there(self, doctor, monkeypatch, tmp_path):
        typefaces.has_system_cjk.cache_clear()
        monkeypatch.setattr(typefaces, "_SYSTEM_CJK", tmp_path / "absent.ttc")
        assert doctor()[self.FONTS].startswith("not installed")
        typefaces.has_system_cjk.cache_clear()

    @pytest.mark.usefixtures("service")
    def test_all_is_well_at_first(self, doctor):
        assert doctor()[self.MAILS] == doctor()[self.SEALS] == "none"

    def test_it_names_why_mails_were_given_up(self, service, doctor):
        envelope_id = service.send()
        change(service, Mail, envelope_id, abandoned_at=clock.utcnow(), last_error="The mail server answered 550.")
        assert doctor()[self.MAILS] == "1 for this reason: The mail server answered 550."

    def test_it_names_documents_without_their_seal(self, service, doctor, signed):
        change(service, Envelope, signed, sealed_at=None)
        assert doctor()[self.SEALS] == "1, the oldest since 2026-06-05 10:00 UTC"

    def test_it_says_since_when_the_webhook_is_switched_off(self, service, doctor):
        assert doctor()[self.WEBHOOK] == "not switched off"
        with service.parts.database.unit_of_work() as session:
            session.execute(update(Webhook).values(disabled_at=clock.utcnow()))
        assert doctor()[self.WEBHOOK].startswith("switched off since 2026-06-05 10:00 UTC")

    def test_of_tables_of_another_version_it_says_only_that(self, service, doctor):
        databases.pretend_version(service.parts.database.engine, "0001")
        report = doctor()
        assert report["bundled signing service"].startswith("its tables are at version 0001, this program needs")
        assert self.FONTS not in report

    def test_without_the_bundled_service_it_says_nothing_of_it(self, doctor, monkeypatch, tmp_path):
        monkeypatch.setenv("SIGNER_DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.db'}")
        assert self.FONTS not in doctor()
