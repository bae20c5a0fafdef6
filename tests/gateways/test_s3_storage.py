"""A bucket that cannot be used, says something wrong, or loses what it says."""

import hashlib
import sys
from base64 import b64encode

import pytest

from app.gateways.storage.factory import open_storage
from app.gateways.storage.ranged_file import FIRST_BLOCK, LARGEST_BLOCK
from app.gateways.storage.s3 import S3Storage
from tests.fakes.s3_server import cut_short, hang, lose_answer, refuse
from tests.gateways.fault_server import closed_port

KEY = "renders/1/a.pdf"
NAME = f"some/prefix/{KEY}"
CONTENT = b"%PDF-1.7 content"
CALLS = {
    "save": lambda storage: storage.save(KEY, CONTENT),
    "open": lambda storage: storage.open(KEY),
    "read": lambda storage: storage.read(KEY),
    "delete": lambda storage: storage.delete(KEY),
    "check": lambda storage: storage.check(),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def storage(bucket):
    return bucket.open()


# --- What is sent and fetched ----------------------------------------------------------------------------------------


def test_files_are_below_the_prefix(bucket, storage):
    storage.save(KEY, CONTENT)

    assert bucket.names() == [NAME]


def test_a_bucket_without_a_prefix_will_do(bucket):
    open_storage(f"s3://{bucket.name}", s3_endpoint_url=bucket.server.url).save(KEY, CONTENT)

    assert bucket.names() == [KEY]


def test_a_file_goes_with_its_checksum_as_a_plain_header_and_no_trailer(bucket, storage):
    storage.save(KEY, CONTENT)

    (call,) = bucket.server.calls
    assert call.headers["x-amz-checksum-sha256"] == b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert "x-amz-trailer" not in call.headers
    assert "aws-chunked" not in call.headers.get("content-encoding", "")


def test_a_whole_read_asks_for_the_checksum(bucket, storage):
    storage.save(KEY, CONTENT)

    storage.read(KEY)

    assert bucket.server.calls[-1].headers["x-amz-checksum-mode"] == "ENABLED"


def test_a_part_of_a_large_file_is_fetched_alone(bucket, storage):
    storage.save(KEY, bytes(10 * LARGEST_BLOCK))

    with storage.open(KEY) as file:
        file.seek(5_000_000)
        assert len(file.read(1000)) == 1000

    assert bucket.server.ranges() == [f"bytes=0-{FIRST_BLOCK - 1}", f"bytes=5000000-{5_000_000 + FIRST_BLOCK - 1}"]


def test_who_reads_on_gets_larger_blocks_up_to_the_largest(bucket, storage):
    storage.save(KEY, bytes(5 * LARGEST_BLOCK))

    with storage.open(KEY) as file:
        while file.read(8192):
            pass

    firsts_and_lasts = [each.removeprefix("bytes=").split("-") for each in bucket.server.ranges()]
    lengths = [int(last) - int(first) + 1 for first, last in firsts_and_lasts]
    assert lengths[:3] == [FIRST_BLOCK, 2 * FIRST_BLOCK, 4 * FIRST_BLOCK]
    assert max(lengths) == LARGEST_BLOCK
    assert len(lengths) < 12


# --- What goes wrong -------------------------------------------------------------------------------------------------


@each_call
def test_without_permission_it_is_told(bucket, storage, call):
    bucket.server.faults += [refuse(403, "AccessDenied")] * 3

    with pytest.raises(PermissionError, match=r"^S3 does not allow it \(AccessDenied\)\.$"):
        call(storage)


@each_call
def test_without_a_bucket_it_is_told(bucket, call):
    storage = open_storage("s3://no-such-bucket", s3_endpoint_url=bucket.server.url)

    with pytest.raises(OSError, match=r"^The bucket does not exist in S3\.$"):
        call(storage)


def test_without_credentials_it_is_told(bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(OSError, match=r"^There are no credentials for S3\.$"):
        bucket.open().check()


def test_a_server_that_fails_is_told_after_three_attempts(bucket, storage):
    bucket.server.faults += [refuse(500, "InternalError")] * 3

    with pytest.raises(OSError, match=r"^S3 answered 500 \(InternalError\)\.$"):
        storage.save(KEY, CONTENT)

    assert len(bucket.server.calls) == 3
    assert bucket.names() == []


def test_a_server_that_fails_twice_is_asked_a_third_time(bucket, storage):
    bucket.server.faults += [refuse(503, "SlowDown")] * 2

    storage.save(KEY, CONTENT)

    assert storage.read(KEY) == CONTENT


@pytest.mark.usefixtures("bucket")
def test_a_server_that_is_not_there_is_told():
    with closed_port() as port:
        storage = open_storage("s3://bucket", s3_endpoint_url=f"http://127.0.0.1:{port}")
        with pytest.raises(OSError, match=r"^S3 does not answer as it should \(EndpointConnectionError\)\.$"):
            storage.check()


def test_a_server_that_is_silent_is_not_waited_for(bucket):
    storage = S3Storage(bucket.name, "", endpoint_url=bucket.server.url, read_timeout=0.2)
    bucket.server.faults += [hang(0.5)] * 3

    with pytest.raises(OSError, match=r"^S3 does not answer as it should \(ReadTimeoutError\)\.$"):
        storage.read(KEY)


def test_a_save_whose_answer_is_lost_is_done_once_more_and_harmless(bucket, storage):
    bucket.server.faults.append(lose_answer)

    storage.save(KEY, CONTENT)

    assert len(bucket.server.calls) == 2
    assert bucket.names() == [NAME]
    assert storage.read(KEY) == CONTENT


def test_a_save_that_never_hears_an_answer_fails_and_can_be_repeated(bucket, storage):
    bucket.server.faults += [lose_answer] * 3
    with pytest.raises(OSError, match="does not answer as it should"):
        storage.save(KEY, CONTENT)

    storage.save(KEY, CONTENT)

    assert storage.read(KEY) == CONTENT


@pytest.mark.parametrize("reader", ["open", "read"])
def test_half_an_answer_is_never_taken_for_the_file(bucket, storage, reader):
    storage.save(KEY, CONTENT)
    bucket.server.faults.append(cut_short)

    with pytest.raises(OSError, match="does not answer as it should"):
        getattr(storage, reader)(KEY)


def test_the_check_leaves_nothing_behind(bucket, storage):
    storage.check()

    assert bucket.names() == []


def test_the_check_finds_that_files_may_be_written_but_not_listed(bucket, storage):
    well = lambda moto, environ, start_response: moto(environ, start_response)
    bucket.server.faults += [well, well, well, refuse(403, "AccessDenied")]

    with pytest.raises(OSError, match="s3:ListBucket is not allowed"):
        storage.check()


def test_errors_name_no_key_and_nothing_that_the_server_says(bucket, storage):
    bucket.server.faults.append(refuse(403, "AccessDenied"))

    with pytest.raises(OSError, match="S3") as caught:
        storage.read(KEY)

    assert KEY not in str(caught.value)
    assert "secret" not in str(caught.value)


# --- The setting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["s3:", "s3://", "s3:bucket", "s3:///prefix", "s3://a", "s3://UPPER", "s3://b?c=d"])
def test_a_storage_url_without_the_name_of_a_bucket_is_refused(url):
    with pytest.raises(ValueError, match=r"^The storage URL must be s3://"):
        open_storage(url)


@pytest.mark.parametrize("prefix", ["a//b", "../a", "a b", ".a"])
def test_a_prefix_that_is_no_path_of_plain_names_is_refused(prefix):
    with pytest.raises(ValueError, match="plain names"):
        open_storage(f"s3://bucket/{prefix}")


def test_a_slash_at_the_end_changes_nothing(bucket):
    open_storage(f"{bucket.url}/", s3_endpoint_url=bucket.server.url).save(KEY, CONTENT)

    assert bucket.names() == [NAME]


def test_settings_of_boto3_that_are_wrong_are_told(bucket, monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(ValueError, match=r"^boto3 cannot be set up: .*AWS_SECRET_ACCESS_KEY"):
        bucket.open()


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "app.gateways.storage.s3", raising=False)

    with pytest.raises(ValueError, match=r"pip install -e '\.\[s3\]'"):
        open_storage("s3://bucket/prefix")
