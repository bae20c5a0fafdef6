"""How the service starts, and how it refuses to."""

import pytest

from app.signer import create_signer

KEY = "key-of-the-api-0123456789"


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Start in an empty folder, with nothing set but what the test sets."""
    monkeypatch.chdir(tmp_path)
    for name in ("SIGNER_API_KEYS", "SIGNER_WEBHOOK_URL", "SIGNER_WEBHOOK_SECRET", "SIGNER_SMTP_URL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_an_api_key_is_all_it_needs(environment, tmp_path):
    environment.setenv("SIGNER_API_KEYS", KEY)
    app = create_signer()
    jobs = app.extensions["signer"].jobs
    jobs.start()
    answer = app.test_client().get("/health")
    jobs.stop()
    app.extensions["signer"].database.engine.dispose()

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert {path.name for path in (tmp_path / "var").iterdir()} >= {"signer.db", "signer-seal.p12", "signer-seal.pem"}


def test_a_process_that_does_no_background_work_says_that_it_is_not_well(service):
    answer = service.app.test_client().get("/health")

    assert answer.status_code == 503
    assert "app/signer/gunicorn.py" in answer.json["status"]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "SIGNER_API_KEYS is missing"),
        ({"SIGNER_API_KEYS": "changeme"}, "SIGNER_API_KEYS is too weak"),
        ({"SIGNER_API_KEYS": KEY, "SIGNER_WEBHOOK_URL": "http://a.test"}, "SIGNER_WEBHOOK_SECRET is missing"),
        ({"SIGNER_API_KEYS": KEY, "SIGNER_SMTP_URL": "mail.test"}, "SIGNER_SMTP_URL must look like"),
        ({"SIGNER_API_KEYS": KEY, "SIGNER_STORAGE_URL": "ftp://a"}, "SIGNER_STORAGE_URL"),
        ({"SIGNER_API_KEYS": KEY, "SIGNER_CERTIFICATE": "rubbish.p12"}, "rubbish.p12 is not a P12 file"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(environment, tmp_path, capsys, variables, sentence):
    (tmp_path / "rubbish.p12").write_bytes(b"rubbish")
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        create_signer()
    assert stopped.value.code == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_every_start_uses_the_same_key_for_links(start_service):
    first, second = start_service(), start_service()
    envelope_id = first.send()
    assert second.fetch(first.detail(envelope_id)["document_url"]).status_code == 200
