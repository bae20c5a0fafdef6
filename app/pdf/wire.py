"""The frames that the sandbox and its child exchange: JSON types and bytes, nothing that could run code.

A frame is the length of its header (four bytes, big-endian), the header (JSON) and the raw bytes of each blob in turn.
In the header a `bytes` value stands as {"$blob": its index}; "blobs" lists their sizes. A mapping that has such a key
itself stands as {"$blob": the mapping}.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

_LENGTH = struct.Struct(">I")
_BLOB = "$blob"

#: Generous for what we exchange (a 50 MiB PDF each way, boxes as JSON), and no more memory than a worker can spare.
MAX_HEADER_BYTES = 16 * 1024 * 1024
MAX_BLOB_BYTES = 256 * 1024 * 1024

#: What a child says first.
READY = "ready"
#: Exit status of a child that nobody needed: its parent's last request, if any, was not even read (EX_TEMPFAIL).
IDLE_EXIT = 75


class MalformedFrame(ValueError):
    """What arrived is not a frame; whoever sent it cannot be trusted any more."""


def encode(value: Any) -> list[bytes]:
    """Return the parts of the frame that carries the value, uncopied; TypeError or ValueError if it cannot travel."""
    blobs: list[bytes] = []
    header = json.dumps(
        {"value": _lift(value, blobs), "blobs": [len(blob) for blob in blobs]}, allow_nan=False
    ).encode()
    return [_LENGTH.pack(len(header)), header, *blobs]


def decode(read: Callable[[int], bytes]) -> Any:
    """Read one frame with `read(size)`, which returns exactly `size` bytes; MalformedFrame if it is not one."""
    (size,) = _LENGTH.unpack(read(_LENGTH.size))
    if size > MAX_HEADER_BYTES:
        raise MalformedFrame("The header is too large.")
    try:
        header = json.loads(read(size), parse_constant=_refuse_constant)
        value, sizes = header["value"], header["blobs"]
        if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) > MAX_BLOB_BYTES:
            raise MalformedFrame("The sizes of the blobs make no sense.")
        return _lower(value, [read(size) for size in sizes])
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise MalformedFrame("The header makes no sense.") from error


def _lift(value: Any, blobs: list[bytes]) -> Any:
    """Replace every bytes value by a reference, adding it to the blobs."""
    if isinstance(value, bytes):
        blobs.append(value)
        return {_BLOB: len(blobs) - 1}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("A mapping travels only with text keys.")
        lifted = {key: _lift(item, blobs) for key, item in value.items()}
        return {_BLOB: lifted} if _BLOB in value else lifted
    if isinstance(value, list | tuple):
        return [_lift(item, blobs) for item in value]
    return value


def _lower(value: Any, blobs: list[bytes]) -> Any:
    """Put the blobs back in place of their references."""
    if isinstance(value, dict):
        inner = value.get(_BLOB, value)
        if not isinstance(inner, dict):
            return blobs[inner]
        return {key: _lower(item, blobs) for key, item in inner.items()}
    if isinstance(value, list):
        return [_lower(item, blobs) for item in value]
    return value


def _refuse_constant(name: str) -> None:
    raise MalformedFrame(f"{name} is not a number.")
