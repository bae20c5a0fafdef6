"""Signing links: 256-bit tokens that the database knows by their hash only."""

import secrets
from hashlib import sha256

from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.errors import NotFound
from app.signer.models import Link, Recipient

TOKEN_BYTES = 32


def new_token() -> str:
    """Return an unguessable token for an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> str:
    """Return what is stored of a token; a random one needs no salt."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def add_link(session: Session, recipient: Recipient, *, is_confirmed: bool = False) -> str:
    """Give the recipient another signing link and return its token, which is not kept.

    One of a browser `is_confirmed`: the code that was mailed to the person was entered there.
    """
    token, now = new_token(), clock.utcnow()
    session.add(
        Link(
            token_hash=hash_token(token),
            recipient_id=recipient.id,
            created_at=now,
            confirmed_at=now if is_confirmed else None,
        )
    )
    return token


def find_link(session: Session, token: str) -> Link | None:
    """Return the link with this token."""
    return session.get(Link, hash_token(token))


def require_link(session: Session, token: str) -> Link:
    """Return the link with this token; raise NotFound."""
    link = find_link(session, token)
    if link is None:
        raise NotFound("There is no such link.")
    return link


def lock_link(session: Session, token: str) -> Link:
    """Return the link, its recipient as they are once nobody else changes the envelope; raise NotFound.

    On PostgreSQL the envelope's row is locked; on SQLite the transaction holds the only write lock already.
    """
    link = require_link(session, token)
    session.refresh(link.recipient.envelope, with_for_update=True)
    session.refresh(link.recipient)
    return link


def signing_url(public_url: str, token: str) -> str:
    """Return the address of the signing page."""
    return f"{public_url}/signing/{token}"
