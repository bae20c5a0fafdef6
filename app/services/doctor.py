"""`countersign doctor`: what is well, what is not, and what to do about it."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from app.domain.errors import ProviderError
from app.domain.findings import Finding
from app.schema import MIGRATIONS, read_schema
from app.services import backlog, webhooks
from app.services.dependencies import Dependencies
from app.services.unit_of_work import reading

#: Below this many envelopes somebody should buy more.
FEW_CREDITS = 10


def examine(deps: Dependencies) -> Iterator[Finding]:
    """Look at everything that the installation depends on, one by one; never raises for what it finds."""
    database = _examine_database()
    yield database
    yield _examine_storage(deps)
    yield _examine_provider(deps)
    if database.advice is None:
        yield from _examine_backlogs(deps)
        yield _examine_webhooks()


def _examine_database() -> Finding:
    try:
        with reading() as session:
            schema = read_schema(session.connection(), MIGRATIONS)
    except SQLAlchemyError as error:
        return Finding(
            subject="database",
            state=f"cannot be read ({type(error).__name__})",
            advice="see that DATABASE_URL is right and that the database runs",
        )
    if not schema.is_current:
        return Finding(subject="database", state=schema.state, advice=schema.advice)
    return Finding(subject="database", state=f"answers, tables at version {schema.current}")


def _examine_storage(deps: Dependencies) -> Finding:
    try:
        deps.storage.check()
    except OSError as error:
        return Finding(
            subject="storage",
            state=f"cannot be used: {error}",
            advice="see that the place named by STORAGE_URL exists, has room, and that this user may write there",
        )
    return Finding(subject="storage", state="can be written to")


def _examine_provider(deps: Dependencies) -> Finding:
    subject = "signing service"
    if deps.signing is None:
        return Finding(
            subject=subject,
            state="not configured",
            advice="set SIGNING_PROVIDER_URL and SIGNING_PROVIDER_API_KEY",
        )
    try:
        credits_left = deps.signing.credits()
    except ProviderError as error:
        return Finding(
            subject=subject,
            state=f"does not answer as it should (status {error.status or 'none'})",
            advice="see that SIGNING_PROVIDER_URL and SIGNING_PROVIDER_API_KEY are right and that the service runs",
        )
    if credits_left < FEW_CREDITS:
        return Finding(subject=subject, state=f"answers, {credits_left} credits left", advice="buy credits")
    return Finding(subject=subject, state=f"answers, {credits_left} credits left")


def _examine_backlogs(deps: Dependencies) -> Iterator[Finding]:
    with reading() as session:
        backlogs = backlog.measure(session, deps.settings)
    for waiting in backlogs:
        if waiting.count == 0:
            yield Finding(subject=waiting.name, state="none")
            continue
        yield Finding(
            subject=waiting.name,
            state=f"{waiting.count}, the oldest for {_duration(waiting.oldest)}",
            advice=waiting.advice if waiting.needs_a_person else None,
        )


def _examine_webhooks() -> Finding:
    subject = "webhooks that we switched off"
    count = webhooks.count_switched_off()
    if count == 0:
        return Finding(subject=subject, state="none")
    return Finding(
        subject=subject,
        state=str(count),
        advice="see `countersign webhooks list`, and tell their owners: they hear of nothing until it is on again",
    )


def _duration(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
