"""Files in a folder: whole, private, and still there after a power cut."""

import errno
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from app.gateways.storage.factory import open_storage
from app.gateways.storage.local import LocalStorage

KEY = "renders/1/a.pdf"
CONTENT = b"%PDF-1.7 content"


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def record_calls(monkeypatch):
    """Note the order of flushes and renames, with the path that each concerns."""
    calls = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        calls.append(("flush", Path(f"/proc/self/fd/{descriptor}").readlink()))
        real_fsync(descriptor)

    def replace(source, target):
        calls.append(("rename", Path(source), Path(target)))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    return calls


def fail_with(number):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return fail


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_write_in_pieces_is_whole(tmp_path, monkeypatch):
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, data[:3]))

    LocalStorage(tmp_path).save(KEY, CONTENT)

    assert (tmp_path / KEY).read_bytes() == CONTENT


def test_files_and_folders_are_private(tmp_path):
    LocalStorage(tmp_path / "root").save(KEY, CONTENT)

    modes = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "root").rglob("*")
    }
    assert modes == {"root/renders": 0o700, "root/renders/1": 0o700, "root/renders/1/a.pdf": 0o600}


def test_the_file_is_flushed_before_its_rename_and_the_folders_after(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path)
    storage.save("renders/1/other.pdf", b"")
    calls = record_calls(monkeypatch)

    storage.save(KEY, CONTENT)

    temporary = calls[0][1]
    assert temporary.parent == tmp_path / "renders/1"
    assert calls == [
        ("flush", temporary),
        ("rename", temporary, tmp_path / KEY),
        ("flush", tmp_path / "renders/1"),
        ("flush", tmp_path / "renders"),
        ("flush", tmp_path),
    ]


def test_a_new_folder_is_flushed_into_the_one_that_holds_it(tmp_path, monkeypatch):
    calls = record_calls(monkeypatch)

    LocalStorage(tmp_path / "new/root").save("renders/a.pdf", CONTENT)

    flushed_first = [path for _, path in calls[:3]]
    assert flushed_first == [tmp_path, tmp_path / "new", tmp_path / "new/root"]


def test_a_crash_before_the_rename_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", fail_with(errno.EIO))

    with pytest.raises(OSError, match="Input/output error"):
        LocalStorage(tmp_path).save(KEY, CONTENT)

    assert files_below(tmp_path) == []


def test_a_crash_before_the_rename_leaves_the_older_file(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path)
    storage.save(KEY, b"old")
    monkeypatch.setattr(os, "replace", fail_with(errno.EIO))

    with pytest.raises(OSError, match="Input/output error"):
        storage.save(KEY, CONTENT)

    assert storage.read(KEY) == b"old"
    assert files_below(tmp_path) == [KEY]


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_leaves_nothing_and_is_told(tmp_path, monkeypatch, call):
    storage = LocalStorage(tmp_path)
    storage.save("renders/1/other.pdf", b"")
    monkeypatch.setattr(os, call, fail_with(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left") as caught:
        storage.save(KEY, CONTENT)

    assert caught.value.errno == errno.ENOSPC
    assert files_below(tmp_path) == ["renders/1/other.pdf"]


def test_no_descriptor_is_left_open_by_a_failure(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path)
    storage.check()
    before = open_descriptors()
    monkeypatch.setattr(os, "write", fail_with(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        storage.save(KEY, CONTENT)

    assert open_descriptors() == before


def test_nothing_is_saved_outside_the_folder(tmp_path):
    with pytest.raises(ValueError, match="plain names"):
        LocalStorage(tmp_path / "root").save("../outside", CONTENT)

    assert files_below(tmp_path) == []


def test_a_working_folder_passes_the_check_and_stays_empty(tmp_path):
    LocalStorage(tmp_path / "root").check()

    assert files_below(tmp_path) == []


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_fails_the_check(tmp_path, monkeypatch, call):
    monkeypatch.setattr(os, call, fail_with(errno.ENOSPC))

    with pytest.raises(OSError, match=r"^The storage folder cannot be written to: No space left on device\.$"):
        LocalStorage(tmp_path).check()

    assert files_below(tmp_path) == []


def test_what_killed_saves_have_left_is_removed_once_it_is_old(tmp_path, time):
    storage = LocalStorage(tmp_path)
    storage.save(KEY, CONTENT)
    left, being_written = (tmp_path / f"renders/1/.{number}.part" for number in range(2))
    for path, age in ((left, 86_401), (being_written, 86_399), (tmp_path / KEY, 999_999)):
        path.touch()
        os.utime(path, times=(time.now.timestamp() - age,) * 2)

    assert storage.remove_leftovers(older_than=timedelta(days=1)) == 1

    assert files_below(tmp_path) == ["renders/1/.1.part", KEY]


def test_a_folder_that_was_never_made_has_no_leftovers(tmp_path):
    assert LocalStorage(tmp_path / "root").remove_leftovers(older_than=timedelta(0)) == 0


def test_a_file_in_the_place_of_the_folder_fails_the_check(tmp_path):
    (tmp_path / "root").write_bytes(b"")

    with pytest.raises(OSError, match="cannot be written to") as caught:
        LocalStorage(tmp_path / "root").check()

    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("spelling", ["file:{}", "file://{}"])
def test_a_storage_url_names_an_absolute_folder(tmp_path, spelling):
    open_storage(spelling.format(tmp_path)).save(KEY, CONTENT)

    assert files_below(tmp_path) == [KEY]


def test_a_storage_url_may_be_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage = open_storage("file:var/storage")
    monkeypatch.chdir("/")

    storage.save(KEY, CONTENT)

    assert files_below(tmp_path) == [f"var/storage/{KEY}"]


@pytest.mark.parametrize("url", ["", "var/storage", "file:", "file://host/folder", "ftp://host/folder"])
def test_any_other_storage_url_is_refused(url):
    with pytest.raises(ValueError, match="storage URL"):
        open_storage(url)
