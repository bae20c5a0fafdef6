"""The secret of a webhook subscription: `whsec_` and base64 of random bytes (Standard Webhooks 1.0.0)."""

import base64
import secrets

_PREFIX = "whsec_"
#: Standard Webhooks asks for 24 to 64.
_RANDOM_BYTES = 32


def new_secret() -> str:
    """Return a fresh secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_RANDOM_BYTES)).decode()


def random_part(secret: str) -> bytes:
    """Return the bytes behind the prefix, the key of Standard Webhooks; raise ValueError when it is no such secret."""
    if not secret.startswith(_PREFIX):
        raise ValueError("The secret of a webhook begins with whsec_.")
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
