"""`countersign doctor`: what an operator should know of the bundled signing service."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.findings import Finding
from app.signer.database import Database
from app.signer.models import Envelope, EnvelopeStatus, Mail, Webhook
from app.signer.typefaces import has_system_cjk

#: For how long a mail that was given up is worth mentioning.
RECENT = timedelta(days=7)
#: Sealing takes seconds; after this something is in the way.
SLOW_SEAL = timedelta(minutes=10)


def examine(database: Database) -> Iterator[Finding]:
    """Look at the fonts, at mails that were given up, at documents that wait for their seal, and at the webhook."""
    yield _fonts()
    with database.reading() as session:
        yield _mails(session)
        yield _seals(session)
        yield _webhook(session)


def _fonts() -> Finding:
    subject = "fonts for Chinese, Japanese and Korean"
    if has_system_cjk():
        return Finding(subject=subject, state="installed")
    return Finding(
        subject=subject,
        state="not installed: such characters are stamped as boxes, and named on the certificate",
        advice="on Debian: apt-get install fonts-noto-cjk, then restart the signing service",
    )


def _mails(session: Session) -> Finding:
    subject = "mails that could not be delivered in the last week"
    since = clock.utcnow() - RECENT
    reasons = session.execute(
        select(Mail.last_error, func.count())
        .where(Mail.abandoned_at >= since)
        .group_by(Mail.last_error)
        .order_by(func.count().desc())
    ).all()
    if not reasons:
        return Finding(subject=subject, state="none")
    return Finding(
        subject=subject,
        state="; ".join(f"{count} for this reason: {reason}" for reason, count in reasons),
        advice="the history of each request says who was not reached; such an envelope can only be created again",
    )


def _seals(session: Session) -> Finding:
    subject = "signed documents that wait for their seal"
    count, oldest = session.execute(
        select(func.count(), func.min(Envelope.finished_at)).where(
            Envelope.status == EnvelopeStatus.FINISHED, Envelope.sealed_at.is_(None)
        )
    ).one()
    if not count or oldest is None:
        return Finding(subject=subject, state="none")
    is_slow = clock.utcnow() - oldest > SLOW_SEAL
    return Finding(
        subject=subject,
        state=f"{count}, the oldest since {oldest:%Y-%m-%d %H:%M} UTC",
        advice="see the log of the signing service for signer.queue.failed" if is_slow else None,
    )


def _webhook(session: Session) -> Finding:
    subject = "the signing service's webhook"
    disabled_at = session.scalar(select(Webhook.disabled_at).where(Webhook.disabled_at.is_not(None)))
    if disabled_at is None:
        return Finding(subject=subject, state="not switched off")
    return Finding(
        subject=subject,
        state=f"switched off since {disabled_at:%Y-%m-%d %H:%M} UTC: too many events in a row failed",
        advice="see that the API answers at SIGNER_WEBHOOK_URL, then restart the signing service",
    )
