"""The folders of gunicorn's numbers: each belongs to the processes that hold its lock."""

import os
import subprocess
import sys

import pytest

from app.server import metrics_folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return metrics_folder.new_name()


def test_it_is_among_the_temporary_files_and_nobody_else_can_look_into_it(folder, tmp_path):
    os.close(metrics_folder.make(folder))

    assert list(tmp_path.iterdir()) == [folder]
    assert folder.stat().st_mode & 0o077 == 0


def test_no_two_have_the_same_name():
    assert metrics_folder.new_name() != metrics_folder.new_name()


def test_one_that_is_in_use_is_left_alone(folder):
    lock = metrics_folder.make(folder)

    metrics_folder.remove_left(folder.parent)

    assert folder.is_dir()
    os.close(lock)


def test_one_whose_processes_are_gone_is_removed(folder):
    os.close(metrics_folder.make(folder))
    (folder / "counter_1.db").touch()

    metrics_folder.remove_left(folder.parent)

    assert not folder.exists()


def test_a_worker_that_outlives_its_master_keeps_it(folder):
    lock = metrics_folder.make(folder)
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock])
    os.close(lock)

    metrics_folder.remove_left(folder.parent)
    assert folder.is_dir()

    worker.communicate(b"\n")
    metrics_folder.remove_left(folder.parent)
    assert not folder.exists()


def test_one_that_somebody_has_begun_to_remove_is_removed(folder):
    os.close(metrics_folder.make(folder))
    (folder / metrics_folder.LOCK).unlink()

    metrics_folder.remove_left(folder.parent)

    assert not folder.exists()


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("elsewhere"), lambda path: path.touch()])
def test_what_is_no_folder_is_left_alone(folder, make):
    folder.with_name("elsewhere").mkdir()
    make(folder)

    metrics_folder.remove_left(folder.parent)

    assert folder.exists()


def test_another_users_is_left_alone(folder, monkeypatch):
    os.close(metrics_folder.make(folder))
    monkeypatch.setattr("os.geteuid", lambda: -1)

    metrics_folder.remove_left(folder.parent)

    assert folder.is_dir()
