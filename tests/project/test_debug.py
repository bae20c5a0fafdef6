"""No installation shows its source and settings to a stranger, whatever its environment says."""

from app.factory import create_app
from app.signer.factory import build_signer
from tests.signer.service import make_settings


def test_the_environment_cannot_switch_debugging_on(settings, deps, sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")

    signer = build_signer(make_settings(tmp_path), sandbox=sandbox)
    signer.extensions["signer"].database.engine.dispose()

    assert not create_app(settings, deps).debug
    assert not signer.debug
