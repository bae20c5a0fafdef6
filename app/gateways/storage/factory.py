"""From the settings to the storage."""

import re
from pathlib import Path

from app.config import install
from app.domain.ports import FileStorage
from app.gateways.storage.keys import parts_of
from app.gateways.storage.local import LocalStorage

#: What AWS allows for general purpose buckets.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def open_storage(url: str, *, s3_endpoint_url: str | None = None) -> FileStorage:
    """Return the storage that a URL names; `s3_endpoint_url` is where S3 is, if not at AWS.

    `file:<path>` is relative to the working directory unless it starts with /; `s3://<bucket>/<prefix>` is a bucket,
    with or without a prefix. Raises ValueError with one sentence for anything else; nothing is read or written yet.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file" and rest:
        return _open_folder(rest)
    if scheme == "s3":
        return _open_bucket(rest, s3_endpoint_url)
    raise ValueError("The storage URL must be file:<path> or s3://<bucket>/<prefix>.")


def _open_folder(path: str) -> FileStorage:
    if path.startswith("//"):
        path = path.removeprefix("//")
        if not path.startswith("/"):
            raise ValueError("The storage URL must not name a host; write file:<path>.")
    return LocalStorage(Path(path))


def _open_bucket(place: str, endpoint_url: str | None) -> FileStorage:
    bucket, _, prefix = place.removeprefix("//").rstrip("/").partition("/")
    if not place.startswith("//") or not _BUCKET.fullmatch(bucket):
        raise ValueError("The storage URL must be s3://<bucket>/<prefix>, with the name of a bucket.")
    if prefix:
        parts_of(prefix)
    try:
        from app.gateways.storage.s3 import S3Storage  # noqa: PLC0415 (boto3 is an optional extra)
    except ModuleNotFoundError as error:
        raise ValueError(f"S3 needs one more package; {install('s3')}.") from error
    return S3Storage(bucket, prefix, endpoint_url=endpoint_url)
