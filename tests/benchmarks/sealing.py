"""How long a finished envelope takes: stamps, seal and certificate, against pyHanko's bare seal of the same file."""

import io
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from fpdf import FPDF
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf

from app.domain import clock
from app.pdf.sandbox import Sandbox
from app.signer.events import EventOutbox
from app.signer.seal_key import load_key
from app.signer.sealer import SandboxedSealer
from app.signer.sealing import SealingQueue
from tests.benchmarks.table import Row
from tests.signer.service import CLIENT, FITTING, Service, make_field, make_service

AT_MOST = 4
PAGES = 10
ROUNDS = 25
WARM_UP = 3
FIELDS = ("signature", "signature", "signature", "text", "checkbox")

TERMS = "The contractor delivers the services described in the annex with reasonable care and skill. " * 40


def measure() -> list[Row]:
    """Measure all that sealing does, its checks and its commit included."""
    document = make_contract()
    with TemporaryDirectory(prefix="countersign-seal-") as name, Sandbox() as sandbox:
        service = make_service(Path(name), sandbox)
        sealing = _queue(service, sandbox)
        bare = _bare_seal(service, document)
        rounds = []
        for _ in range(WARM_UP + ROUNDS):
            _let_finish(service, document)
            rounds.append((_seconds(lambda: _seal_one(sealing)), _seconds(bare)))
        service.parts.database.engine.dispose()
    rounds = rounds[WARM_UP:]
    return [
        Row(
            figure=f"stamps, seal and certificate of {PAGES} pages, of a bare seal by pyHanko",
            measured=1000 * median(ours for ours, _ in rounds),
            against=1000 * median(floor for _, floor in rounds),
            ratio=median(ours / floor for ours, floor in rounds),
            unit="ms",
            at_most=AT_MOST,
        )
    ]


def make_contract() -> bytes:
    """Build ten pages of text, as they come out of a word processor."""
    pdf = FPDF(format="A4", unit="pt")
    pdf.set_font("Times", "", 11)
    for _ in range(PAGES):
        pdf.add_page()
        pdf.multi_cell(0, 15, TERMS, new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def _queue(service: Service, sandbox: Sandbox) -> SealingQueue:
    parts, settings = service.parts, service.settings
    return SealingQueue(
        parts.database,
        storage=parts.storage,
        sandbox=sandbox,
        sealer=SandboxedSealer(sandbox=sandbox, key=load_key(settings.certificate, settings.certificate_passphrase)),
        events=EventOutbox(None),
        letters=parts.reminders.letters,
    )


def _bare_seal(service: Service, document: bytes) -> Callable[[], object]:
    signer = SimpleSigner.load_pkcs12(service.settings.certificate)
    assert signer is not None
    metadata = PdfSignatureMetadata(field_name="Seal", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    return lambda: sign_pdf(IncrementalPdfFileWriter(io.BytesIO(document)), metadata, signer)


def _let_finish(service: Service, document: bytes) -> None:
    """Have a person sign on three pages, fill in a text and tick a box, and stop before it is sealed."""
    fields = [
        make_field(type=kind, page_number=page, position={"x": 10, "y": 80, "width": 25, "height": 4})
        for page, kind in enumerate(FIELDS, start=1)
    ]
    answer = service.create(pdf=document, fields=fields, settings={"send_finish_email": False})
    assert answer.status_code == 201, answer.json
    token = answer.json["first_signer"]["signing_link"].rpartition("/")[2]
    view = service.ceremony.open(token, CLIENT)
    values = {field.id: FITTING[field.type] for field in view.fields}
    service.ceremony.finish(token, values=values, consent=True, client=CLIENT)


def _seal_one(sealing: SealingQueue) -> None:
    assert sealing.run_pending() == 1, "there is one envelope to seal"


def _seconds(work: Callable[[], object]) -> float:
    started = clock.monotonic()
    work()
    return clock.monotonic() - started
