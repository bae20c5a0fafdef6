"""Signing links: 256-bit tokens that the database knows by their hash only."""

import secrets
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock
from app.signer.models import Link, Recipient

TOKEN_BYTES = 32


def new_token() -> str:
    """Return an unguessable token for an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> str:
    """Return what is stored of a token; a random one needs no salt."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def add_link(session: Session, recipient: Recipient) -> str:
    """Give the recipient another signing link and return its token, which is not kept."""
    token = new_token()
    session.add(Link(token_hash=hash_token(token), recipient_id=recipient.id, created_at=clock.utcnow()))
    return token


def find_recipient(session: Session, token: str) -> Recipient | None:
    """Return whose link this is."""
    return session.scalar(select(Recipient).join(Link).where(Link.token_hash == hash_token(token)))


def signing_url(public_url: str, token: str) -> str:
    """Return the address of the signing page."""
    return f"{public_url}/signing/{token}"
