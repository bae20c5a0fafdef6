"""`countersign verify` says no to a sealed file, document or certificate, in which anything was changed afterwards."""

import io

import pikepdf
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pikepdf import ObjectStreamMode
from pyhanko.pdf_utils.generic import NameObject, NumberObject, TextStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from app.cli.main import main
from app.domain import clock
from app.signer.certificate import draw_certificate
from app.signer.seal_key import ensure_certificate
from app.signer.stamping import stamp
from tests.builders.pdfs import make_pdf
from tests.builders.seals import NOW, load_sealer
from tests.signer.test_certificate import facts

KINDS = ("document", "certificate")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a sealed document, its sealed certificate, and what they were sealed with."""
    folder = tmp_path_factory.mktemp("sealed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "utcnow", lambda: NOW)
        ensure_certificate(folder / "seal.p12")
        sealer = load_sealer(folder / "seal.p12")
        mark = {"page": 1, "x": 20, "y": 60, "width": 30, "height": 8, "kind": "text", "value": "Zażółć"}
        drafts = {
            "document": stamp(content=make_pdf(pages=2), marks=[mark])["document"],
            "certificate": draw_certificate(facts()),
        }
        for kind, draft in drafts.items():
            sealed = sealer.seal(draft, reason="Completed", signed_at=NOW)
            (folder / f"{kind}.pdf").write_bytes(sealed.content)
    return folder


def verify(folder, name):
    return CliRunner().invoke(main, ["verify", str(folder / name), "--certificate", str(folder / "seal.pem")])


def flip(content, place, mask):
    changed = bytearray(content)
    changed[int(place * len(content))] ^= mask
    return bytes(changed)


def cut_out(content, place, length):
    start = int(place * len(content))
    return content[:start] + content[start + length :]


def put_in(content, place, new):
    start = int(place * len(content))
    return content[:start] + new + content[start:]


def append_increment(content, name, value):
    """Add an increment that says something new in the catalog."""
    writer = IncrementalPdfFileWriter(io.BytesIO(content), strict=True)
    writer.root[NameObject(f"/{name}")] = value
    writer.update_root()
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def save_anew(content, **options):
    output = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        pdf.save(output, **options)
    return output.getvalue()


places = st.floats(0, 1, exclude_max=True)
increments = st.one_of(st.integers(0, 9).map(NumberObject), st.text(max_size=9).map(TextStringObject))
savings = st.fixed_dictionaries(
    {
        "linearize": st.booleans(),
        "object_stream_mode": st.sampled_from(ObjectStreamMode),
        "compress_streams": st.booleans(),
    }
)
CHANGES = {
    "a byte": st.builds(lambda place, mask: lambda c: flip(c, place, mask), places, st.integers(1, 255)),
    "less": st.builds(lambda place, length: lambda c: cut_out(c, place, length), places, st.integers(1, 5000)),
    "more": st.builds(lambda place, new: lambda c: put_in(c, place, new), places, st.binary(min_size=1)),
    "an end": st.builds(lambda new: lambda c: c + new, st.binary(min_size=1)),
    "an increment": st.builds(
        lambda name, value: lambda c: append_increment(c, name, value), st.sampled_from(["Lang", "Own"]), increments
    ),
    "another save": st.builds(lambda options: lambda c: save_anew(c, **options), savings),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_left_alone_holds(folder, kind):
    result = verify(folder, f"{kind}.pdf")
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "The seal holds.")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_is_done_to_it_afterwards_is_noticed(folder, kind, change, data):
    content = (folder / f"{kind}.pdf").read_bytes()
    changed = data.draw(CHANGES[change])(content)
    (folder / "changed.pdf").write_bytes(changed)

    result = verify(folder, "changed.pdf")

    assert (result.exit_code, result.output.splitlines()[-1]) == (1, "THE SEAL DOES NOT HOLD.")
