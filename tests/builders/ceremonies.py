"""Leads an envelope of the fake signing service to its end, and the worker after it."""

from flask import Flask

from app import worker
from app.api.deps import EXTENSION
from tests.builders.pdfs import make_pdf
from tests.fakes.signing import FakeEnvelope, FakeSigningProvider

SIGNED = make_pdf(text="Signed")
CERTIFICATE = make_pdf(text="Certificate of completion")


def work(app: Flask) -> int:
    """Let the worker do all that is due; return how many rows that were."""
    return worker.run_until_idle(app, app.extensions[EXTENSION])


def finish(signing: FakeSigningProvider, envelope: FakeEnvelope | None = None) -> None:
    """Let everybody sign, and the service make its files."""
    envelope = envelope or signing.only()
    signing.finish(envelope)
    signing.produce_files(envelope, signed=SIGNED, certificate=CERTIFICATE)
