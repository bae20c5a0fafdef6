"""`countersign requests erase` and `purge`, with the bundled signing service on the same machine."""

import uuid

import pytest
from click.testing import CliRunner

from app.cli import main
from app.models import SignatureRequest
from app.services.unit_of_work import unit_of_work
from tests.commands import fails, lines
from tests.signer.service import make_service


@pytest.fixture
def service(tmp_path, signer_template, sandbox, time):
    """Keep the signing service's things apart from the API's."""
    folder = tmp_path / "signer"
    folder.mkdir()
    with signer_template.copy(folder) as url:
        service = make_service(folder, sandbox, database_url=url)
        yield service
        service.parts.database.engine.dispose()


@pytest.fixture
def cancelled(service):
    envelope_id = service.send()
    service.cancel(envelope_id)
    service.work()
    return envelope_id


@pytest.fixture
def ours(app, api, settings, service, monkeypatch):
    """Return what makes an envelope that of a request of the API, which is cancelled."""
    for name, value in (
        ("DATABASE_URL", settings.database_url),
        ("STORAGE_URL", settings.storage_url),
        ("SIGNER_DATABASE_URL", service.settings.database_url),
        ("SIGNER_STORAGE_URL", service.settings.storage_url),
        ("LOG_LEVEL", "error"),
    ):
        monkeypatch.setenv(name, value)

    def connect(envelope_id):
        created = api.created()
        api.post(f"/v1/signatures/{created['id']}/cancel")
        with app.app_context(), unit_of_work() as session:
            session.get_one(SignatureRequest, uuid.UUID(created["id"])).provider_id = envelope_id
        return created["id"]

    return connect


def run(*arguments):
    return CliRunner().invoke(main, arguments)


def files(folder):
    return [path for path in folder.rglob("storage/**/*.*") if path.is_file()]


def is_erased(service, envelope_id):
    return service.parts.envelopes.get(uuid.UUID(envelope_id)).erased_at is not None


def test_erasing_a_request_reaches_the_signing_service_on_this_machine(api, service, cancelled, ours, tmp_path):
    request_id = ours(cancelled)

    assert "Erased" in lines(run("requests", "erase", request_id, "--yes"))[0]

    assert is_erased(service, cancelled)
    assert files(tmp_path) == []
    assert api.get(f"/v1/signatures/{request_id}").json["name"] == "Erased"


def test_a_request_is_not_erased_while_the_signing_service_cannot_erase_it(api, service, ours):
    request_id = ours(service.send())

    assert "cancel it first" in fails(run("requests", "erase", request_id, "--yes"))

    assert api.get(f"/v1/signatures/{request_id}").json["name"] == "Charter"


def test_a_purge_reaches_the_signing_service_on_this_machine(service, cancelled, ours, time):
    ours(cancelled)
    time.advance(days=2)

    assert lines(run("purge", "--older-than", "1d", "--status", "cancelled", "--yes"))[-1].startswith("Deleted 1 ")

    assert is_erased(service, cancelled)


def test_an_envelope_of_a_signing_service_elsewhere_is_passed_over(api, ours):
    request_id = ours("not-an-id-of-ours")

    lines(run("requests", "erase", request_id, "--yes"))

    assert api.get(f"/v1/signatures/{request_id}").json["name"] == "Erased"
