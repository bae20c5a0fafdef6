"""Files in a bucket of S3, at AWS or on any other server that speaks it. Needs boto3, so it is imported on demand."""

import hashlib
import io
from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from app.domain import turns
from app.domain.ids import new_id
from app.domain.ports import SavedFile
from app.gateways.storage.keys import parts_of
from app.gateways.storage.ranged_file import RangedFile

#: Seconds that S3 may be silent; a good one is so for far less than one.
READ_TIMEOUT = 30

#: To repeat is always safe here: a PUT replaces the whole object, by the same one.
_CONFIG = Config(
    connect_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    # One for each thread of a process, and some for what runs beside them.
    max_pool_connections=20,
    # Since boto3 1.36 its own checksums come as trailers, which other servers than AWS's do not understand. `save`
    # sends one as a plain header, which those ignore at worst.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

_FORBIDDEN = 403


class S3Storage:
    """`FileStorage` below a prefix of one bucket, which must exist.

    Credentials and region are found where AWS's own tools look for them. Threads may share it, as they may its client.
    """

    def __init__(
        self, bucket: str, prefix: str, *, endpoint_url: str | None, read_timeout: float = READ_TIMEOUT
    ) -> None:
        """Build the client, without asking S3 for anything; raise ValueError when boto3's own settings are wrong."""
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        config = _CONFIG.merge(Config(read_timeout=read_timeout))
        try:
            self._client = boto3.session.Session().client("s3", endpoint_url=endpoint_url, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ValueError(f"boto3 cannot be set up: {error}") from error

    def save(self, key: str, content: bytes) -> SavedFile:
        """Store durably under a key, replacing what was there; raise OSError when it cannot.

        S3 answers once the object is durable, and refuses content that does not have the SHA-256 it came with. When
        the answer is lost, the whole file may be there all the same. Raises ValueError for a key that is no relative
        path of plain names.
        """
        digest = hashlib.sha256(content)
        with _asking():
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._name(key),
                Body=content,
                ChecksumSHA256=b64encode(digest.digest()).decode("ascii"),
            )
        return SavedFile(key=key, sha256=digest.hexdigest(), size=len(content))

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open for reading, seekable; raise FileNotFoundError when there is none, OSError when S3 cannot be used.

        The ranges are of one content, since a key never gets another one while somebody may open it.
        """
        return io.BufferedReader(RangedFile(partial(self._read_range, self._name(key))))

    def read(self, key: str) -> bytes:
        """Return the whole file; raise FileNotFoundError when there is none, OSError when S3 cannot be used."""
        with _asking():
            # What S3 has a checksum of is checked against it.
            answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key), ChecksumMode="ENABLED")
            return answer["Body"].read()

    def delete(self, key: str) -> None:
        """Remove the file; a missing one is fine. Raises OSError when S3 cannot be used."""
        with suppress(FileNotFoundError), _asking():
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def remove_leftovers(self, *, older_than: timedelta) -> int:  # noqa: ARG002 (the port's)
        """Return 0: an object is stored by one PUT, whole or not at all."""
        return 0

    def check(self) -> None:
        """Store a few bytes, read them and remove them again; raise OSError with a sentence when any of that fails."""
        probe = f"check-{new_id()}"
        self.save(probe, b"check")
        try:
            self.read(probe)
        finally:
            self.delete(probe)
        try:
            self.read(probe)
        except FileNotFoundError:
            return
        except PermissionError as error:
            raise OSError("S3 does not say whether a file is there: s3:ListBucket is not allowed.") from error

    def _name(self, key: str) -> str:
        return self._prefix + "/".join(parts_of(key))

    def _read_range(self, name: str, start: int, length: int) -> tuple[bytes, int]:
        last = start + length - 1
        with _asking():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=name, Range=f"bytes={start}-{last}")
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidRange":  # An empty file has no range.
                    return b"", 0
                raise
            size = answer["ContentRange"].rpartition("/")[2]
            return answer["Body"].read(), int(size)


@contextmanager
def _asking() -> Iterator[None]:
    """Let others have their turn meanwhile, and turn boto3's errors into OSError with a sentence that names no key."""
    try:
        with turns.given_up():
            yield
    except NoCredentialsError as error:
        raise PermissionError("There are no credentials for S3.") from error
    except BotoCoreError as error:
        raise OSError(f"S3 does not answer as it should ({type(error).__name__}).") from error
    except ClientError as error:
        raise _meaning(error) from error


def _meaning(error: ClientError) -> OSError:
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code == "NoSuchKey":
        return FileNotFoundError("There is no such file in S3.")
    if code == "NoSuchBucket":
        return OSError("The bucket does not exist in S3.")
    if status == _FORBIDDEN:
        return PermissionError(f"S3 does not allow it ({code}).")
    return OSError(f"S3 answered {status} ({code}).")
