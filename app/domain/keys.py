"""The format of an API key: `ck_live_` + public id (8) + `_` + secret (43) + checksum (6), all base 62.

The prefix lets secret scanners find a leaked key, the public id finds its row without revealing anything, the secret
holds 256 random bits, and the checksum tells a mistyped key from a revoked one without asking the database.
"""

import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PUBLIC_ID_LENGTH = 8
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6

KEY = re.compile(r"(ck_live_[0-9A-Za-z]{8})_[0-9A-Za-z]{43}([0-9A-Za-z]{6})", re.ASCII)


@dataclass(frozen=True)
class NewKey:
    """A fresh key; the clear text exists only here."""

    prefix: str
    clear_text: str = field(repr=False)


def generate() -> NewKey:
    """Make a key."""
    prefix = "ck_live_" + _random(PUBLIC_ID_LENGTH)
    body = f"{prefix}_{_random(SECRET_LENGTH)}"
    return NewKey(prefix=prefix, clear_text=body + _checksum(body))


def prefix_of(clear_text: str) -> str | None:
    """Return the public prefix of a well-formed key, else None."""
    match = KEY.fullmatch(clear_text)
    if match is None or _checksum(clear_text[:-CHECKSUM_LENGTH]) != match[2]:
        return None
    return match[1]


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    value, characters = zlib.crc32(body.encode("ascii")), []
    for _ in range(CHECKSUM_LENGTH):
        value, digit = divmod(value, len(ALPHABET))
        characters.append(ALPHABET[digit])
    return "".join(reversed(characters))
