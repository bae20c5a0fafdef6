"""The settings of webhooks: read once, or one line that names what is wrong."""

import pytest

from app.config import Settings, SettingsError, load_settings
from app.foundation import build_dependencies


def test_the_schedule_is_read(monkeypatch):
    monkeypatch.setenv("WEBHOOK_RETRY_SECONDS", "0, 1.5,60")

    assert load_settings().webhook_retry_seconds == (0, 1.5, 60)


def test_without_settings_six_attempts_reach_over_a_night():
    assert load_settings().webhook_retry_seconds == (0, 30, 300, 3600, 21600, 86400)


@pytest.mark.parametrize("value", ["soon", "0,-1", "0,nan", "1,inf", ",".join(["1"] * 21)])
def test_a_schedule_that_makes_no_sense_stops_the_start(monkeypatch, value):
    monkeypatch.setenv("WEBHOOK_RETRY_SECONDS", value)

    with pytest.raises(SettingsError, match="WEBHOOK_RETRY_SECONDS"):
        load_settings()


def test_a_network_that_is_none_stops_the_start(tmp_path):
    settings = Settings(storage_url=f"file:{tmp_path}", webhook_allowed_cidrs=("10.0.0.1/8",))

    with pytest.raises(SettingsError, match="WEBHOOK_ALLOWED_CIDRS"):
        build_dependencies(settings)
