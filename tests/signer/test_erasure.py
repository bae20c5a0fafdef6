"""Erasing an envelope: nothing of its people is left, and its audit trail can still be checked."""

import uuid

import pytest
from sqlalchemy import select, update

from app.domain.errors import Conflict, NotFound
from app.signer.audit_check import check_trail
from app.signer.erasure import erase
from app.signer.files import FileKind
from app.signer.holdings import named_files
from app.signer.models import AuditEntry
from tests.databases import POSTGRES_URL
from tests.signer.service import CLIENT, make_field, make_recipient

PERSON = make_recipient(first_name="Janina", last_name="Personne", phone_number="+49 30 1234567")
#: What must not be anywhere afterwards.
TRACES = (
    "Janina",
    "Personne",
    "person1@example.test",
    "1234567",
    "192.0.2.7",
    "Test browser",
    "Secret affair",
    "Ana Ruiz",
    "too expensive",
)


@pytest.fixture
def signed(service):
    envelope_id = service.send(
        name="Secret affair", recipients=[PERSON], fields=[make_field(), make_field(type="text", required=False)]
    )
    service.ceremony.open(service.token(), CLIENT)
    service.page_image(service.token(), 1)
    service.document_texts(service.token())
    service.sign()
    return envelope_id


@pytest.fixture
def cancelled(service):
    envelope_id = service.send(name="Secret affair", recipients=[PERSON])
    assert service.cancel(envelope_id, reason="too expensive").status_code == 200
    service.work()
    return envelope_id


def erased(service, envelope_id):
    erase(service.parts.database, service.parts.storage, uuid.UUID(envelope_id))


def verdict(service, envelope_id, **options):
    return check_trail(service.parts.database, service.parts.storage, uuid.UUID(envelope_id), **options)


def entries(service, envelope_id):
    with service.parts.database.reading() as session:
        query = select(AuditEntry).filter_by(envelope_id=uuid.UUID(envelope_id)).order_by(AuditEntry.sequence)
        return session.scalars(query).all()


def files(tmp_path):
    return [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]


def traces(service):
    """Return which traces any value of any row of any table holds."""
    with service.parts.database.reading() as session:
        connection = session.connection()
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        values = [
            value.decode(errors="replace") if isinstance(value, bytes) else str(value)
            for table in tables
            for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"')  # noqa: S608 (a name of ours)
            for value in row
        ]
    return {trace for trace in TRACES for value in values if trace in value}


@pytest.mark.skipif(bool(POSTGRES_URL), reason="reads the file")
@pytest.mark.parametrize("ending", ["signed", "cancelled"])
def test_no_table_holds_a_trace_of_the_people(service, request, ending):
    envelope_id = request.getfixturevalue(ending)
    assert len(traces(service)) > 4

    erased(service, envelope_id)

    assert traces(service) == set()


def test_no_file_is_left_and_no_page_picture(service, signed, tmp_path):
    assert len(files(tmp_path)) == 5

    erased(service, signed)

    assert files(tmp_path) == []
    with service.parts.database.engine.connect() as connection:
        assert list(named_files(connection)) == []


def test_the_trail_still_holds_and_says_what_was_erased(service, signed):
    before = entries(service, signed)

    erased(service, signed)

    after = entries(service, signed)
    assert [entry.hash for entry in after[:-1]] == [entry.hash for entry in before]
    assert [entry.event for entry in after[:-1]] == [entry.event for entry in before]
    assert after[-1].event == "personal_data_erased"
    certificate_hash = next(entry.previous_hash for entry in before if entry.event == "document_sealed")
    statements = verdict(service, signed, certificate_hash=certificate_hash)
    assert all(statement.holds for statement in statements)
    assert "Lines 1, 3, 4, 5 were erased" in statements[0].sentence
    assert statements[1].sentence == "The files were erased on 2026-06-05 10:00:00 UTC."


def test_a_line_that_was_changed_is_still_found(service, cancelled):
    erased(service, cancelled)
    change(service, cancelled, 2, description="Something else")

    assert not verdict(service, cancelled)[0].holds


def test_a_changed_line_cannot_be_passed_off_as_erased(service, cancelled):
    change(service, cancelled, 2, description="Something else", erased_at=entries(service, cancelled)[0].at)

    assert "breaks at line 2" in verdict(service, cancelled)[0].sentence


def test_a_line_that_was_erased_cannot_be_taken_out(service, cancelled):
    erased(service, cancelled)
    change(service, cancelled, 3, previous_hash="0" * 64)

    assert "breaks at line 3" in verdict(service, cancelled)[0].sentence


def change(service, envelope_id, sequence, **values):
    with service.parts.database.unit_of_work() as session:
        session.execute(
            update(AuditEntry).filter_by(envelope_id=uuid.UUID(envelope_id), sequence=sequence).values(**values)
        )


def test_links_and_addresses_of_files_work_no_more(service, cancelled):
    token = service.token()
    address = service.parts.files.make(uuid.UUID(cancelled), FileKind.SOURCE).url
    assert service.fetch(address).status_code == 200

    erased(service, cancelled)

    assert service.fetch(address).status_code == 404
    with pytest.raises(NotFound):
        service.ceremony.open(token, CLIENT)


def test_an_open_envelope_is_not_erased(service):
    envelope_id = service.send(recipients=[PERSON])

    with pytest.raises(Conflict, match="cancel it first"):
        erased(service, envelope_id)

    assert service.parts.envelopes.get(uuid.UUID(envelope_id)).recipients[0].first_name == "Janina"


def test_an_envelope_whose_mails_are_not_out_yet_is_not_erased(service):
    envelope_id = service.send(recipients=[PERSON])
    service.cancel(envelope_id)

    with pytest.raises(Conflict, match="Try again later"):
        erased(service, envelope_id)

    service.work()
    erased(service, envelope_id)


def test_what_a_crash_has_left_goes_the_next_time(service, cancelled, tmp_path):
    envelope = service.parts.envelopes.get(uuid.UUID(cancelled))
    erased(service, cancelled)
    service.parts.storage.save(envelope.document_key, b"left")

    erased(service, cancelled)

    assert files(tmp_path) == []
    assert [entry.event for entry in entries(service, cancelled)].count("personal_data_erased") == 1


def test_an_envelope_that_is_not_here_is_passed_over(service):
    erased(service, str(uuid.uuid4()))


def test_another_envelope_is_untouched(service, cancelled):
    other = service.send(recipients=[make_recipient(first_name="Olga")])
    before = service.detail(other)

    erased(service, cancelled)

    assert service.detail(other) == before
    assert all(statement.holds for statement in verdict(service, other))
