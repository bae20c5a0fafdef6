"""Sealing in a process of its own: what comes back is sealed, whatever an authority does."""

import pytest

from app.domain.errors import UnreadablePdf
from app.pdf.sandbox import Sandbox, SandboxError
from app.signer.seal_key import ensure_certificate, load_key
from app.signer.sealer import SandboxedSealer
from app.signer.verification import verify
from tests.builders.pdfs import make_pdf, truncated_pdf
from tests.builders.seals import NOW, PASSPHRASE, timestamp_server
from tests.logbook import Logbook

AUTHORITY = "http://127.0.0.1:9/tsa"


class Exhausted:
    """A sandbox whose limits an authority meets that answers a byte now and then."""

    def __init__(self, sandbox: Sandbox, failure: Exception) -> None:
        self._sandbox = sandbox
        self._failure = failure

    def call(self, target, **arguments):
        if arguments["tsa_url"] is not None:
            raise self._failure
        return self._sandbox.call(target, **arguments)


@pytest.fixture
def key(tmp_path):
    ensure_certificate(tmp_path / "seal.p12", PASSPHRASE)
    return load_key(tmp_path / "seal.p12", PASSPHRASE)


@pytest.fixture
def logbook():
    return Logbook()


def seal(sealer, content=None):
    return sealer.seal(content or make_pdf(), reason="Completed", signed_at=NOW)


def test_a_document_is_sealed_in_the_other_process_with_the_key_that_was_read_here(sandbox, key):
    sealer = SandboxedSealer(sandbox=sandbox, key=key)

    sealed = seal(sealer)

    assert verify(sealed.content, trusted=key.certificate).ok
    assert sealed.fingerprint_sha256 == sealer.fingerprint_sha256
    assert not sealed.timestamped
    assert sealer.is_self_signed


def test_a_file_that_cannot_carry_a_seal_is_refused(sandbox, key):
    with pytest.raises(UnreadablePdf, match="cannot be sealed"):
        seal(SandboxedSealer(sandbox=sandbox, key=key), truncated_pdf())


@pytest.mark.parametrize("failure", [UnreadablePdf("beyond the limits"), SandboxError("it does not start")])
def test_an_authority_that_takes_the_child_down_costs_the_time_stamp_and_not_the_seal(sandbox, key, failure, logbook):
    sealer = SandboxedSealer(sandbox=Exhausted(sandbox, failure), key=key, tsa_url=AUTHORITY)

    sealed = seal(sealer)

    assert verify(sealed.content, trusted=key.certificate).ok
    assert not sealed.timestamped
    assert logbook.line("signer.seal.timestamp_failed")


def test_an_authority_that_gives_no_time_is_told_in_the_log(sandbox, key, logbook):
    with timestamp_server(lambda *_: (500, b"")) as (url, _):
        sealed = seal(SandboxedSealer(sandbox=sandbox, key=key, tsa_url=url))

    assert not sealed.timestamped
    assert logbook.line("signer.seal.timestamp_failed")


def test_neither_the_key_nor_its_passphrase_is_shown(key):
    assert PASSPHRASE not in repr(key)
    assert "p12" not in repr(key)
