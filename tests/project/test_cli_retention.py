"""`countersign purge` and `countersign requests erase`, as an operator meets them."""

import os
from datetime import timedelta

import pytest

from app.domain import clock
from app.models import HistoryEntry, SignatureRequest
from app.services.unit_of_work import unit_of_work
from tests.callers import ABSENT
from tests.commands import fails, lines


@pytest.fixture(autouse=True)
def without_a_signing_service(tmp_path, monkeypatch):
    """Look for one in an empty folder; tests/signer has the tests with one."""
    monkeypatch.setenv("SIGNER_DATABASE_URL", f"sqlite:///{tmp_path / 'signer.db'}")


@pytest.fixture
def cancelled(app, api):
    created = api.created()
    return api.post(f"/v1/signatures/{created['id']}/cancel", json={"reason": "Over"}).json


def age(app, days):
    """Let everything have happened so long ago."""
    with app.app_context(), unit_of_work() as session:
        for request in session.query(SignatureRequest):
            request.created_at -= timedelta(days=days)
        for entry in session.query(HistoryEntry):
            entry.at -= timedelta(days=days)


def exists(api, found):
    return api.get(f"/v1/signatures/{found['id']}").status_code == 200


def test_a_purge_shows_first_and_does_it_when_told(app, api, run, cancelled):
    age(app, 366)

    shown = lines(run("purge", "--older-than", "365d", "--status", "cancelled,expired"))
    ended = f"{clock.utcnow() - timedelta(days=366):%Y-%m-%d}"
    assert shown[0].startswith("Ended before ")
    assert shown[1] == f"Test  cancelled  1  ended {ended} to {ended}  0.0 MiB of files"
    assert shown[2] == "1 requests, and 0 renders that nothing else needs; 0.0 MiB in all."
    assert shown[3] == "Add --yes to delete them for good."
    assert exists(api, cancelled)

    done = lines(run("purge", "--older-than", "365d", "--status", "cancelled,expired", "--yes"))
    assert done[-1] == "Deleted 1 requests, 0 renders and 0 files."
    assert not exists(api, cancelled)


def test_nothing_to_purge_is_said(api, run, cancelled):
    shown = lines(run("purge", "--older-than", "1d", "--status", "cancelled"))

    assert shown[1:] == ["0 requests, and 0 renders that nothing else needs; 0.0 MiB in all."]
    assert lines(run("purge", "--older-than", "1d", "--status", "cancelled", "--yes"))[-1].startswith("Deleted 0 ")
    assert exists(api, cancelled)


def test_another_project_is_not_purged(app, api, run, cancelled, project_id):
    age(app, 2)

    lines(run("purge", "--older-than", "1d", "--status", "cancelled", "--project", project_id, "--yes"))

    assert exists(api, cancelled)
    assert ABSENT in fails(run("purge", "--older-than", "1d", "--status", "cancelled", "--project", ABSENT))


@pytest.mark.parametrize("age", ["", "365", "d", "0d", "-1d", "1.5d", "1y", "1d1h", "9999999d", "\N{SUPERSCRIPT TWO}d"])
def test_an_age_is_a_number_and_a_unit(run, age):
    result = run("purge", "--older-than", age, "--status", "cancelled")

    assert result.exit_code == 2
    assert "such as 365d" in result.stderr


@pytest.mark.parametrize("status", ["sent", "viewed", "creating", "cancelled,sent", "", "cancelled,", "all"])
def test_only_what_is_over_can_be_purged(run, status):
    result = run("purge", "--older-than", "1d", "--status", status)

    assert result.exit_code == 2
    assert "is not a final status; only cancelled, completed, declined, expired, failed" in result.stderr


def test_an_age_beyond_all_times_is_a_usage_error(run):
    result = run("purge", "--older-than", "999999d", "--status", "cancelled")

    assert result.exit_code == 2
    assert "is not an age" in result.stderr


def test_a_purge_removes_what_killed_saves_have_left(app, run, tmp_path):
    left = tmp_path / "storage" / "renders" / ".0193c2c3.part"
    left.parent.mkdir(parents=True)
    left.touch()
    os.utime(left, times=(0, 0))

    done = lines(run("purge", "--older-than", "1d", "--status", "cancelled", "--yes"))

    assert done[-1] == "Removed 1 files that interrupted saves had left."
    assert not left.exists()


def test_a_request_is_erased_when_it_is_confirmed(api, run, cancelled):
    assert lines(run("requests", "erase", cancelled["id"])) == [
        f"{cancelled['id']} is cancelled and names 1 people. Add --yes to erase them and its files."
    ]
    assert api.get(f"/v1/signatures/{cancelled['id']}").json == cancelled

    assert lines(run("requests", "erase", cancelled["id"], "--yes"))[0] == (
        f"Erased {cancelled['id']}: 1 people, and its files."
    )
    assert api.get(f"/v1/signatures/{cancelled['id']}").json["recipients"][0]["firstName"] == "Erased"


def test_what_a_command_did_is_not_logged_as_well(run, cancelled, monkeypatch):
    monkeypatch.delenv("LOG_LEVEL")

    erased = run("requests", "erase", cancelled["id"], "--yes")

    assert erased.exit_code == 0
    assert erased.stderr == ""


def test_what_cannot_be_erased_is_one_line_that_says_why(api, run):
    created = api.created()

    assert "still sent" in fails(run("requests", "erase", created["id"], "--yes"))
    assert "no such signature request" in fails(run("requests", "erase", ABSENT, "--yes"))
    assert run("requests", "erase", "order-1").exit_code == 2
