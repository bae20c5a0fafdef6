"""`countersign backup` and `countersign restore`: what is restored is what was backed up, or nothing is."""

import errno
import os
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import delete

from app.domain import clock
from app.extensions import Base, db, open_engine
from app.factory import create_app
from app.gateways.storage.local import LocalStorage
from app.migration import alembic_config
from app.models import Render, StoredFile
from app.schema import MIGRATIONS
from app.services import backups, copying, restoring
from app.services.backup_format import examine, read_backup, write_sums
from app.services.holdings import api_holding
from app.services.unit_of_work import unit_of_work
from tests import databases
from tests.builders.ceremonies import SIGNED, finish, work
from tests.callers import Caller, make_body
from tests.commands import fails, lines
from tests.conftest import make_settings
from tests.databases import POSTGRES_URL
from tests.provider_events import deliver, make_event

SERVERS = [None, *([POSTGRES_URL] if POSTGRES_URL else [])]


@pytest.fixture(autouse=True)
def without_signer(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNER_DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.db'}")


@pytest.fixture
def back_up(run, tmp_path, orders):
    """Back up, with requests in it, and return the folder."""

    def act():
        lines(run("backup", str(tmp_path / "backup")))
        return tmp_path / "backup"

    return act


@pytest.fixture(params=SERVERS, ids=lambda server: "to postgresql" if server else "to sqlite")
def elsewhere(request, tmp_path, monkeypatch):
    """The settings of an installation of which there is nothing yet; commands work on it once it is called."""
    folder = tmp_path / "new"
    folder.mkdir()
    with databases.empty(folder, request.param) as url:

        def move():
            monkeypatch.setenv("DATABASE_URL", url)
            monkeypatch.setenv("STORAGE_URL", f"file:{folder / 'storage'}")
            return make_settings(url, folder)

        yield move


@dataclass
class Order:
    """A create that was acknowledged."""

    key: str
    body: dict
    answer: dict

    def repeat(self, caller: Caller):
        return caller.post("/v1/signatures", json=self.body, headers={"Idempotency-Key": self.key})


@pytest.fixture
def orders(app, api, signing):
    """One request that is completed, with its files here, and one that is open."""
    made = [Order(key, make_body(api.upload()), {}) for key in ("first", "second")]
    for order in made:
        order.repeat(api)
        if order.key == "first":
            finish(signing)
            deliver(app, make_event(signing.only().provider_id))
            work(app)
    for order in made:
        order.answer = order.repeat(api).json
    assert [order.answer["status"] for order in made] == ["completed", "sent"]
    return made


def contents(url):
    engine = open_engine(url, pool_size=1)
    try:
        return copying.contents(engine, Base.metadata)
    finally:
        engine.dispose()


def is_untouched(settings):
    """Say whether there still is no table and no file."""
    folder = Path(settings.storage_url.removeprefix("file:"))
    engine = open_engine(settings.database_url, pool_size=1)
    if engine.dialect.name == "sqlite":
        return not folder.exists() and [path.name for path in folder.parent.iterdir()] == []
    with engine.connect() as connection:
        tables = connection.exec_driver_sql("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").all()
    engine.dispose()
    return not folder.exists() and not tables


class TestThereAndBack:
    def test_every_acknowledged_request_is_back_and_its_key_mails_nobody(
        self, run, api, deps, signing, orders, back_up, elsewhere
    ):
        backup = back_up()
        settings = elsewhere()

        said = lines(run("restore", str(backup)))

        assert said[-1].endswith("run: countersign doctor")
        new = replace(deps, settings=settings, storage=LocalStorage(settings_folder(settings)))
        app = create_app(settings, new)
        caller = Caller(app.test_client(), api.project_id, api.key)
        calls = signing.calls.count("create")
        answers = [order.repeat(caller) for order in orders]
        assert [(answer.status_code, answer.json) for answer in answers] == [(200, order.answer) for order in orders]
        assert signing.calls.count("create") == calls
        assert caller.get(f"/v1/signatures/{orders[0].answer['id']}/download").data == SIGNED
        with app.app_context():
            db.engine.dispose()

    def test_every_row_is_as_it_was(self, run, settings, back_up, elsewhere):
        backup, before = back_up(), contents(settings.database_url)

        new = elsewhere()
        lines(run("restore", str(backup)))

        assert contents(new.database_url) == before

    def test_files_that_are_there_already_stay(self, run, back_up, elsewhere):
        backup = back_up()
        folder = settings_folder(elsewhere())
        for file in (backup / "countersign/files").rglob("*.pdf"):
            LocalStorage(folder).save(str(file.relative_to(backup / "countersign/files")), file.read_bytes())

        lines(run("restore", str(backup)))

    def test_a_backup_of_older_tables_is_upgraded(self, run, back_up, elsewhere):
        backup = back_up()
        with rewritten(backup) as engine:
            command.downgrade(alembic_config(engine, MIGRATIONS), "0003")
        new = elsewhere()

        lines(run("restore", str(backup)))

        assert contents(new.database_url)["signature_requests"].rows == 2

    def test_a_backup_of_a_newer_program_is_refused(self, run, back_up, elsewhere):
        backup = back_up()
        with rewritten(backup) as engine:
            databases.pretend_version(engine, "9999")
        new = elsewhere()

        line = fails(run("restore", str(backup)))

        assert "The database of the backup does not fit: its tables are at version 9999" in line
        assert is_untouched(new)


@contextmanager
def rewritten(backup):
    """Make of a backup one that another version has made: change its database, then what is said of it."""
    file, archive = backup / "countersign/database.db", LocalStorage(backup)
    whole = read_backup(backup, archive)
    engine = open_engine(f"sqlite:///{file}", pool_size=1)
    yield engine
    engine.dispose()
    manifest = replace(whole.manifest, databases={"countersign": examine(file)})
    sums = {**whole.sums, "countersign/database.db": sha256(file.read_bytes()).hexdigest()}
    sums["manifest.json"] = archive.save("manifest.json", manifest.to_json()).sha256
    write_sums(archive, sums)


def settings_folder(settings):
    return Path(settings.storage_url.removeprefix("file:"))


def make(tmp_path, settings, storage, archive=None):
    folder = tmp_path / "backup"
    return backups.make(
        folder,
        [api_holding(settings.database_url, storage)],
        archive=archive or LocalStorage(folder),
        program="1",
        report=lambda _what, _count: None,
    )


def restore(tmp_path, settings):
    folder = tmp_path / "backup"
    holding = api_holding(settings.database_url, LocalStorage(settings_folder(settings)))
    return restoring.restore(folder, [holding], archive=LocalStorage(folder), report=lambda _what, _count: None)


class TestTheBackup:
    def test_any_machine_can_check_it(self, back_up):
        checked = subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=back_up(), capture_output=True, check=False
        )

        assert checked.returncode == 0

    def test_only_its_owner_can_read_it(self, back_up):
        backup = back_up()

        modes = {path.stat().st_mode & 0o777 for path in [backup, *backup.rglob("*")] if path.is_dir()}
        assert modes == {0o700}
        assert {path.stat().st_mode & 0o777 for path in backup.rglob("*") if path.is_file()} == {0o600}

    def test_a_folder_with_something_in_it_is_left_alone(self, run, back_up):
        backup = back_up()
        before = {path: path.stat().st_mtime_ns for path in backup.rglob("*")}

        assert "is not empty: a backup needs a folder of its own" in fails(run("backup", str(backup)))

        assert {path: path.stat().st_mtime_ns for path in backup.rglob("*")} == before

    def test_an_empty_folder_will_do(self, tmp_path, back_up):
        (tmp_path / "backup").mkdir()

        assert (back_up() / "SHA256SUMS").is_file()

    @pytest.mark.usefixtures("orders")
    @pytest.mark.parametrize(
        ("harm", "fault"), [(Path.unlink, "not there"), (lambda path: path.write_bytes(b"x"), "not what its row says")]
    )
    def test_what_storage_has_lost_is_said_and_the_rest_is_backed_up(self, run, tmp_path, elsewhere, harm, fault):
        file = next((tmp_path / "storage").rglob("*.pdf"))
        harm(file)

        result = run("backup", str(tmp_path / "backup"))

        name = f"countersign/files/{file.relative_to(tmp_path / 'storage')}"
        sentence = f"Lost before this backup: {name} ({fault})"
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1] == sentence
        elsewhere()
        assert run("restore", str(tmp_path / "backup")).stderr.splitlines()[-1] == sentence

    def test_what_is_purged_meanwhile_is_not_in_it(self, tmp_path, settings, app, api, deps, elsewhere):
        purged = api.upload()

        def purge():
            with app.app_context(), unit_of_work() as session:
                render = session.get_one(Render, UUID(purged))
                file, render.file = render.file, None
                session.flush()
                session.execute(delete(StoredFile).where(StoredFile.id == file.id))
            deps.storage.delete(file.key)

        made = make(tmp_path, settings, Meddling(deps.storage, purge))

        assert made.manifest.lost == {}
        assert not any(f"/{purged}/" in name for name in made.sums)
        assert not list((tmp_path / "backup").rglob(f"{purged}/*.pdf"))
        restore(tmp_path, elsewhere())

    @pytest.mark.usefixtures("orders")
    def test_a_full_disk_leaves_nothing_of_it(self, tmp_path, settings, deps):
        with pytest.raises(OSError, match="No space left"):
            make(tmp_path, settings, deps.storage, archive=Full(tmp_path / "backup"))

        assert list((tmp_path / "backup").iterdir()) == []

    def test_a_folder_that_cannot_be_made_is_one_line(self, run, tmp_path):
        (tmp_path / "file").touch()

        line = fails(run("backup", str(tmp_path / "file" / "backup")))

        assert line == "Error: The backup failed, and nothing is left of it: Not a directory."


@dataclass
class Meddling:
    """A storage beside which something happens when the first file is read."""

    inner: LocalStorage
    meddle: Callable[[], None] | None

    def read(self, key):
        if self.meddle:
            meddle, self.meddle = self.meddle, None
            meddle()
        return self.inner.read(key)


class Full(LocalStorage):
    """A storage on a disk that has room for one file."""

    def save(self, key, content):
        if any(self._root.rglob("*.pdf")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().save(key, content)


class TestRefusals:
    def test_one_flipped_bit_in_any_file_is_found_and_named(self, run, back_up, elsewhere):
        backup = back_up()
        new = elsewhere()
        files = [path for path in backup.rglob("*") if path.is_file()]
        assert len(files) == 7

        for file in files:
            whole = file.read_bytes()
            harmed = bytearray(whole)
            harmed[len(harmed) // 2] ^= 1
            file.write_bytes(harmed)
            line = fails(run("restore", str(backup)))
            named = [str(other.relative_to(backup)) for other in files if str(other.relative_to(backup)) in line]
            assert str(file.relative_to(backup)) in named or "SHA256SUMS" in line
            file.write_bytes(whole)

        assert is_untouched(new)

    @pytest.mark.parametrize("name", ["manifest.json", "countersign/database.db", "a file"])
    def test_a_missing_file_is_named(self, run, back_up, elsewhere, name):
        backup = back_up()
        new = elsewhere()
        file = next(backup.rglob("*.pdf")) if name == "a file" else backup / name
        file.unlink()

        assert f"{file.relative_to(backup)} is missing from the backup." in fails(run("restore", str(backup)))
        assert is_untouched(new)

    def test_a_backup_that_was_never_finished_is_refused(self, run, back_up, elsewhere):
        backup = back_up()
        new = elsewhere()
        (backup / "SHA256SUMS").unlink()

        assert "There is no SHA256SUMS in it" in fails(run("restore", str(backup)))
        assert is_untouched(new)

    def test_a_file_that_a_row_names_must_be_listed(self, run, back_up, elsewhere):
        backup = back_up()
        elsewhere()
        sums = backup / "SHA256SUMS"
        sums.write_text("".join(line for line in sums.read_text().splitlines(True) if not line.endswith(".pdf\n")))

        assert "is missing from the backup, and a row names it." in fails(run("restore", str(backup)))

    def test_what_is_there_is_never_overwritten(self, run, settings, back_up):
        backup, before = back_up(), contents(settings.database_url)

        line = fails(run("restore", str(backup)))

        assert "there already: stop everything, then move it away" in line or "has rows already" in line
        assert contents(settings.database_url) == before

    def test_a_database_that_was_made_and_never_used_will_do_on_postgresql(self, run, back_up, elsewhere):
        backup, new = back_up(), elsewhere()
        if new.database_url.startswith("sqlite"):
            pytest.skip("a file is never overwritten")
        lines(run("db", "upgrade"))

        lines(run("restore", str(backup)))

    def test_the_remains_of_a_database_that_was_moved_away_are_refused(self, run, back_up, elsewhere):
        backup, new = back_up(), elsewhere()
        if not new.database_url.startswith("sqlite"):
            pytest.skip("PostgreSQL has none")
        wal = Path(new.database_url.removeprefix("sqlite:///") + "-wal")
        wal.touch()

        assert f"{wal} is there already" in fails(run("restore", str(backup)))

    def test_another_file_under_the_same_key_is_refused(self, run, back_up, elsewhere):
        backup = back_up()
        folder = settings_folder(elsewhere())
        key = str(next(backup.rglob("*.pdf")).relative_to(backup / "countersign/files"))
        LocalStorage(folder).save(key, b"another")

        assert f"holds another file as {key}" in fails(run("restore", str(backup)))
        assert LocalStorage(folder).read(key) == b"another"


def test_time_is_said(back_up, run, elsewhere):
    backup = back_up()
    elsewhere()

    assert f"{clock.utcnow():%Y-%m-%d}" in lines(run("restore", str(backup)))[-1]
