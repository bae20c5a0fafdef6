"""What every storage keeps of its promises: a folder of this machine, and a bucket of a real S3 server."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from app.domain.ports import SavedFile
from app.gateways.storage.local import LocalStorage

KEY = "renders/1/a.pdf"
CONTENT = b"%PDF-1.7 content"
NO_KEYS = ("", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".a", "a\\b", "a\0b", "a\n", "é", "a" * 201)
LARGE = bytes(range(256)) * 4096 * 20  # 20 MiB


@pytest.fixture(params=["folder", "s3"])
def storage(request, tmp_path):
    return LocalStorage(tmp_path) if request.param == "folder" else request.getfixturevalue("bucket").open()


def test_a_saved_file_is_read_back(storage):
    saved = storage.save(KEY, CONTENT)

    assert saved == SavedFile(key=KEY, sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
    assert storage.read(KEY) == CONTENT


def test_an_opened_file_can_be_searched_through(storage):
    storage.save(KEY, CONTENT)

    with storage.open(KEY) as file:
        file.seek(5)
        assert file.read(3) == b"1.7"
        assert file.tell() == 8
        file.seek(-7, io.SEEK_END)
        assert file.read() == b"content"
        file.seek(-3, io.SEEK_CUR)
        assert file.read() == b"ent"
        file.seek(100)
        assert file.read() == b""


def test_saving_again_replaces_the_file(storage):
    storage.save(KEY, b"old and longer")

    storage.save(KEY, b"new")

    assert storage.read(KEY) == b"new"


def test_an_empty_file_is_a_file(storage):
    assert storage.save(KEY, b"").size == 0
    assert storage.read(KEY) == b""
    with storage.open(KEY) as file:
        assert file.read() == b""


def test_a_large_file_is_whole(storage):
    saved = storage.save(KEY, LARGE)

    assert saved.size == len(LARGE)
    assert storage.read(KEY) == LARGE
    with storage.open(KEY) as file:
        digest = hashlib.file_digest(file, "sha256")
    assert digest.hexdigest() == saved.sha256


@pytest.mark.parametrize("reader", ["open", "read"])
def test_a_missing_file_is_told(storage, reader):
    with pytest.raises(FileNotFoundError):
        getattr(storage, reader)(KEY)


def test_a_deleted_file_is_gone(storage):
    storage.save(KEY, CONTENT)

    storage.delete(KEY)

    with pytest.raises(FileNotFoundError):
        storage.read(KEY)


def test_deleting_a_missing_file_is_fine(storage):
    storage.delete(KEY)


def test_a_key_that_is_no_path_of_plain_names_is_refused(storage):
    calls = (storage.open, storage.read, storage.delete, lambda key: storage.save(key, CONTENT))
    for key, call in product(NO_KEYS, calls):
        with pytest.raises(ValueError, match="plain names"):
            call(key)


def test_threads_share_it(storage):
    def save_and_read(number):
        content = str(number).encode() * 1000
        storage.save(f"renders/{number}.pdf", content)
        return storage.read(f"renders/{number}.pdf") == content

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(save_and_read, range(40)))


def test_a_working_storage_passes_the_check(storage):
    storage.check()
