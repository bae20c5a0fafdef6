"""Fifty documents, two people each, all at once, while the service's processes are killed again and again."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from cryptography import x509
from sqlalchemy import select

from app.signer.audit import find_break
from app.signer.database import existing_database
from app.signer.models import AuditEntry, Envelope, Mail, MailKind
from app.signer.verification import verify
from tests import databases
from tests.e2e.stack import free_port
from tests.signer.fleet import Fleet, killing, running_fleet
from tests.signer.service import REQUESTS, make_body, make_field, make_recipient

DOCUMENTS = 50
KILLS = 6
SECONDS = 60

pytestmark = [pytest.mark.crashes, pytest.mark.processes]


def create(fleet: Fleet, number: int) -> str:
    people = [make_recipient(one, email=f"person{one}@{number}.example.test") for one in (1, 2)]
    answer = fleet.call(
        "POST",
        f"{REQUESTS}/create-and-send",
        json=make_body(recipients=people, fields=[make_field(1), make_field(2)], settings={"use_signing_order": False}),
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def await_that(condition) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def signings(fleet: Fleet, envelope_id: str):
    """Return, for each person, their token and fields."""
    tokens = fleet.tokens()
    fields = fleet.detail(envelope_id, "/fields")["results"]
    for person in fleet.detail(envelope_id, "/users")["results"]:
        yield tokens[person["email"]], [field["id"] for field in fields if field["recipient_id"] == person["id"]]


@pytest.fixture
def database_url(signer_template, tmp_path):
    with signer_template.copy(tmp_path) as url:
        yield url


@pytest.fixture
def files(request):
    """Where its files are: in a folder, or in S3 where the database is not on this machine either."""
    if databases.POSTGRES_URL is None:
        return {}
    bucket = request.getfixturevalue("bucket")
    return {"SIGNER_STORAGE_URL": bucket.url, "S3_ENDPOINT_URL": bucket.server.url}


def test_fifty_documents_get_fifty_seals_whatever_is_killed(tmp_path, database_url, files):
    with running_fleet(tmp_path, free_port(), database_url=database_url, **files) as fleet:
        with ThreadPoolExecutor(8) as pool:
            envelope_ids = list(pool.map(lambda number: create(fleet, number), range(DOCUMENTS)))
            await_that(lambda: len(fleet.tokens()) == 2 * DOCUMENTS)
            todo = [signing for envelope_id in envelope_ids for signing in signings(fleet, envelope_id)]
            with killing(fleet, every=1.5, times=KILLS) as killed:
                list(pool.map(lambda signing: fleet.sign(*signing), todo))
                await_that(lambda: sealed(database_url) == DOCUMENTS)
            await_that(lambda: told(database_url) == 2 * DOCUMENTS)
        assert set(killed) == {"worker", "all"}
        certificate = x509.load_pem_x509_certificate((tmp_path / "var" / "signer-seal.pem").read_bytes())
        for envelope_id in envelope_ids:
            url = fleet.detail(envelope_id, "/download")["download_url"]
            assert verify(requests.get(url, timeout=20).content, trusted=certificate).ok
    assert_each_once(database_url)


def in_database(url, statement):
    database = existing_database(url)
    with database.reading() as session:
        found = list(session.scalars(statement))
    database.engine.dispose()
    return found


def sealed(url) -> int:
    return len(in_database(url, select(Envelope.id).where(Envelope.sealed_at.is_not(None))))


def told(url) -> int:
    copies = select(Mail.id).where(Mail.kind == MailKind.FINAL_COPY, Mail.sent_at.is_not(None))
    return len(in_database(url, copies))


def assert_each_once(url) -> None:
    """Nobody signed twice, nothing was sealed twice, nobody was written to twice, and the trails are whole."""
    entries = in_database(url, select(AuditEntry).order_by(AuditEntry.envelope_id, AuditEntry.sequence))
    trails = {entry.envelope_id: [one for one in entries if one.envelope_id == entry.envelope_id] for entry in entries}
    assert len(trails) == DOCUMENTS
    for trail in trails.values():
        assert find_break(trail) is None
        events = Counter(entry.event for entry in trail)
        assert events["document_sealed"] == 1, events
        assert events["document_signed"] == 2, events
    copies = in_database(url, select(Mail).where(Mail.kind == MailKind.FINAL_COPY))
    assert set(Counter((mail.envelope_id, mail.recipient_id) for mail in copies).values()) == {1}
