"""`countersign …`, as an operator meets it."""

import socket

import pytest

from app.domain import keys
from tests.api.expectations import assert_refused
from tests.callers import ABSENT, Caller
from tests.commands import fails, lines
from tests.databases import POSTGRES_URL


def test_a_project_is_created_and_listed(run, project_id):
    assert lines(run("projects", "list")) == [f"{project_id}  Acme"]


@pytest.mark.parametrize("name", ["", "  ", "n" * 256])
def test_a_project_needs_a_name(run, name):
    assert "name" in fails(run("projects", "create", name))


#: A byte that is no UTF-8, as Python hands it over, and what would break the lists of these commands.
UNPRINTABLE = ["\udcff", "two\nlines", "\x1b[2J"]


@pytest.mark.parametrize("text", UNPRINTABLE)
def test_what_cannot_be_printed_is_a_usage_error(run, project_id, text):
    for arguments in (
        ("projects", "create", text),
        ("keys", "create", project_id, "--name", text),
        ("keys", "revoke", text),
        ("webhooks", "create", project_id, "https://hook.example/", "--description", text),
    ):
        assert run(*arguments).exit_code == 2, arguments


@pytest.mark.parametrize("command", [("keys", "create", "--name"), ("webhooks", "create", "--description")])
def test_what_is_too_long_for_every_database_is_a_usage_error(run, project_id, command):
    group, verb, option = command
    address = ["https://hook.example/"] if group == "webhooks" else []

    assert run(group, verb, project_id, *address, option, "n" * 256).exit_code == 2


def test_the_last_line_is_the_key_and_nothing_else(run, project_id):
    result = run("keys", "create", project_id, "--name", "CI")

    assert keys.prefix_of(lines(result)[-1])
    assert "shown only once" in result.stderr


def test_a_new_key_opens_the_api_until_it_is_revoked(app, run, project_id):
    key = lines(run("keys", "create", project_id))[-1]
    caller = Caller(app.test_client(), None, key)
    assert caller.get("/v1/signatures").status_code == 200

    assert lines(run("keys", "revoke", key[:16])) == [f"Revoked {key[:16]}."]

    assert_refused(caller.get("/v1/signatures"), 401, "unauthorized")


def test_keys_are_listed_without_what_opens_anything(run, project_id):
    first = lines(run("keys", "create", project_id, "--name", "CI"))[-1]
    second = lines(run("keys", "create", project_id))[-1]
    run("keys", "revoke", second[:16])

    assert lines(run("keys", "list")) == [
        f"{first[:16]}  Acme  CI  last used never  active",
        f"{second[:16]}  Acme  -  last used never  revoked",
    ]


def test_revoking_twice_is_fine(run, project_id):
    key = lines(run("keys", "create", project_id))[-1]

    assert lines(run("keys", "revoke", key[:16])) == lines(run("keys", "revoke", key[:16]))


def test_what_does_not_exist_is_one_line(run):
    assert ABSENT in fails(run("keys", "create", ABSENT))
    assert "ck_live_nothing" in fails(run("keys", "revoke", "ck_live_nothing"))


def test_a_malformed_project_id_is_a_usage_error(run):
    assert run("keys", "create", "acme").exit_code == 2


def test_upgrading_twice_is_fine(run):
    assert lines(run("db", "upgrade")) == lines(run("db", "upgrade"))


@pytest.mark.skipif(bool(POSTGRES_URL), reason="makes a file")
def test_an_empty_folder_is_all_that_an_upgrade_needs(run, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new' / 'deep' / 'countersign.db'}")

    lines(run("db", "upgrade"))
    assert len(lines(run("projects", "create", "Acme"))) == 1


def test_the_worker_does_what_is_due_and_ends(run):
    assert lines(run("worker", "--once")) == ["Attended to 0 rows."]


@pytest.mark.parametrize(
    "arguments", [("projects", "list"), ("db", "upgrade"), ("worker", "--once"), ("keys", "list")], ids=" ".join
)
def test_a_wrong_setting_is_one_line_that_names_it(run, monkeypatch, arguments):
    monkeypatch.setenv("PROVIDER_READ_TIMEOUT", "soon")

    assert "PROVIDER_READ_TIMEOUT" in fails(run(*arguments))


@pytest.mark.skipif(bool(POSTGRES_URL), reason="makes a file")
def test_a_database_that_was_never_migrated_is_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")

    assert "countersign db upgrade" in fails(run("projects", "list"))


@pytest.mark.skipif(bool(POSTGRES_URL), reason="makes a file")
@pytest.mark.parametrize(
    "arguments", [("projects", "list"), ("db", "upgrade"), ("backup", "/nowhere"), ("run", "--port", "0")], ids=" ".join
)
def test_a_file_that_is_no_database_is_one_line_that_names_its_setting(run, tmp_path, monkeypatch, arguments):
    (tmp_path / "notes.txt").write_text("No database. " * 1000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/notes.txt")

    assert fails(run(*arguments)).startswith(
        "Error: The database of DATABASE_URL cannot be used: file is not a database."
    )


@pytest.mark.skipif(bool(POSTGRES_URL), reason="makes a file")
def test_a_file_that_is_no_database_of_the_signing_service_is_named_by_its_setting(run, tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("No database. " * 1000)
    monkeypatch.setenv("SIGNER_DATABASE_URL", f"sqlite:///{tmp_path}/notes.txt")

    said = fails(run("backup", str(tmp_path / "backup")))

    assert said == "Error: SIGNER_DATABASE_URL cannot be read (DatabaseError)."


@pytest.mark.parametrize("option", ["--port", "--signer-port"])
@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_no_port_is_a_usage_error(run, option, port):
    assert run("run", option, port).exit_code == 2


def test_a_stack_needs_two_ports(run):
    assert "same port" in fails(run("run", "--port", "8123", "--signer-port", "8123"))


def test_a_database_whose_folder_cannot_be_made_is_one_line(run, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/file/countersign.db")

    assert fails(run("db", "upgrade")) == f"Error: The database's folder {tmp_path}/file cannot be made: File exists."


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "postgresql+psycopg://u:hush-hush@127.0.0.1:9/d"])
def test_a_stack_without_its_database_does_not_start_and_says_so_in_one_line(run, tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", url)

    line = fails(run("run", "--port", "0", "--signer-port", "0"))

    assert "DATABASE_URL" in line
    assert "hush-hush" not in line


def test_a_database_that_does_not_answer_is_one_line_without_its_password(run, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://someone:hush-hush@127.0.0.1:9/none")

    line = fails(run("projects", "list"))

    assert "DATABASE_URL" in line
    assert "hush-hush" not in line


def test_a_worker_that_cannot_show_its_metrics_says_why_and_does_not_start(run, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("WORKER_METRICS_BIND", f"127.0.0.1:{taken.getsockname()[1]}")

        result = run("worker")

    assert result.exit_code == 1
    assert result.stderr == "Error: WORKER_METRICS_BIND: cannot listen there: Address already in use.\n"
