import io
import subprocess

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils.generic import TextStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf

from app.domain import clock
from app.signer.seal_key import ensure_certificate
from app.signer.stamping import stamp
from app.signer.verification import verify
from tests.builders.ink import ink_png
from tests.builders.pdfs import make_pdf, nested_arrays_pdf
from tests.builders.seals import NOW, load_sealer, make_p12


@pytest.fixture(scope="module")
def sealer(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "seal.p12"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "utcnow", lambda: NOW)
        ensure_certificate(path)
        return load_sealer(path)


@pytest.fixture(scope="module")
def sealed(sealer):
    mark = {"page": 1, "x": 20, "y": 60, "width": 30, "height": 8}
    marks = [mark | {"kind": "image", "png": ink_png()}, mark | {"kind": "text", "value": "Zażółć", "y": 80}]
    document = stamp(content=make_pdf(pages=2), marks=marks)["document"]
    return sealer.seal(document, reason="Completed", signed_at=NOW).content


def appended(content, change):
    """Add an increment, as an editor or an attacker would."""
    writer = IncrementalPdfFileWriter(io.BytesIO(content), strict=True)
    change(writer)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def change_info(writer):
    writer.root["/Changed"] = TextStringObject("yes")
    writer.update_root()


def test_an_untouched_document_passes(sealer, sealed):
    verdict = verify(sealed, trusted=sealer.certificate)
    assert verdict.ok
    assert verdict.problems == ()
    assert verdict.fingerprint_sha256 == sealer.fingerprint_sha256


def test_the_sentences_say_what_a_self_signed_seal_proves_and_what_not(sealer, sealed):
    text = " ".join(verify(sealed, trusted=sealer.certificate).sentences())
    assert "covers the whole file" in text
    assert "no time-stamp" in text
    assert "unchanged, not who signed it" in text
    assert sealer.fingerprint_sha256 in text


@settings(max_examples=80, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_a_change_of_any_byte_is_noticed(sealer, sealed, place, mask):
    changed = bytearray(sealed)
    changed[int(place * len(sealed))] ^= mask
    assert_rejected(verify(bytes(changed), trusted=sealer.certificate))


@settings(max_examples=80, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), mask=st.sampled_from([0x01, 0x20]))
def test_a_change_of_any_byte_inside_the_signature_object_is_noticed(sealer, sealed, place, mask):
    start = sealed.index(b"/Contents <") + len("/Contents ")
    end = sealed.index(b">", start) + 1
    changed = bytearray(sealed)
    changed[start + int(place * (end - start))] ^= mask
    assert_rejected(verify(bytes(changed), trusted=sealer.certificate))


@settings(max_examples=15, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True))
def test_a_cut_is_noticed_anywhere(sealer, sealed, place):
    assert_rejected(verify(sealed[: int(place * len(sealed))], trusted=sealer.certificate))


def test_an_appended_increment_is_noticed_and_named(sealer, sealed):
    verdict = verify(appended(sealed, change_info), trusted=sealer.certificate)
    assert_rejected(verdict)
    assert verdict.intact
    assert not verdict.covers_whole_file
    assert not verdict.unmodified
    assert "does not cover the whole file" in " ".join(verdict.sentences())


@pytest.mark.parametrize("tail", [b"\n", b"\0", b"%%EOF\n", b"\n% a comment\n"])
def test_bytes_after_the_end_are_noticed(sealer, sealed, tail):
    assert_rejected(verify(sealed + tail, trusted=sealer.certificate))


def test_bytes_before_the_beginning_are_noticed(sealer, sealed):
    assert_rejected(verify(b"\n" + sealed, trusted=sealer.certificate))


def test_more_than_one_signature_is_not_a_seal(sealer):
    content = make_pdf()
    for name in ("Seal", "Other"):
        metadata = PdfSignatureMetadata(field_name=name, subfilter=SigSeedSubFilter.PADES)
        writer = IncrementalPdfFileWriter(io.BytesIO(content))
        content = sign_pdf(writer, metadata, signer=sealer.signer).getvalue()
    verdict = verify(content, trusted=sealer.certificate)
    assert_rejected(verdict)
    assert "more than one signature" in " ".join(verdict.sentences())


def test_saving_the_file_anew_is_noticed(sealer, sealed):
    output = io.BytesIO()
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        pdf.save(output)
    assert_rejected(verify(output.getvalue(), trusted=sealer.certificate))


def test_a_seal_of_somebody_else_is_intact_but_not_trusted(sealer, tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "utcnow", lambda: NOW)
    other = load_sealer(make_p12(tmp_path / "other.p12"))
    verdict = verify(other.seal(make_pdf(), reason="Completed", signed_at=NOW).content, trusted=sealer.certificate)
    assert_rejected(verdict)
    assert verdict.intact
    assert verdict.valid
    assert not verdict.trusted
    assert "somebody else" in " ".join(verdict.sentences())


def test_a_signature_that_allows_changes_is_not_a_seal(sealer):
    writer = IncrementalPdfFileWriter(io.BytesIO(make_pdf()))
    metadata = PdfSignatureMetadata(field_name="Seal", subfilter=SigSeedSubFilter.PADES)
    output = sign_pdf(writer, metadata, signer=sealer.signer)
    verdict = verify(output.getvalue(), trusted=sealer.certificate)
    assert_rejected(verdict)
    assert verdict.intact
    assert not verdict.certified_no_changes
    assert "does not forbid later changes" in " ".join(verdict.sentences())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (make_pdf(), "The file has no seal."),
        (b"", "damaged"),
        (b"no PDF", "damaged"),
        (b"%PDF-1.7\n", "damaged"),
    ],
)
def test_a_file_without_a_readable_seal_gets_a_sentence(sealer, content, sentence):
    verdict = verify(content, trusted=sealer.certificate)
    assert_rejected(verdict)
    assert verdict.sentences() == verdict.problems
    assert sentence in verdict.problems[0]


def test_a_hostile_file_gets_a_sentence(sealer):
    assert_rejected(verify(nested_arrays_pdf(), trusted=sealer.certificate))


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=300))
def test_garbage_never_raises(sealer, content):
    assert_rejected(verify(b"%PDF-1.7\n" + content, trusted=sealer.certificate))


def test_a_rejected_file_leaves_nothing_in_the_log(sealer, sealed, caplog):
    verify(appended(sealed, change_info), trusted=sealer.certificate)
    assert caplog.records == []


# --- A second opinion -------------------------------------------------------------------------------------------------


def pdfsig(path):
    return subprocess.run(
        ["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False, timeout=30
    ).stdout


@pytest.mark.tools
def test_poppler_finds_the_seal_valid(sealed, tmp_path):
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed)
    report = pdfsig(path)
    assert "Signature is Valid." in report
    assert "Total document signed" in report
    assert "ETSI.CAdES.detached" in report


@pytest.mark.tools
def test_poppler_finds_a_changed_byte_too(sealed, tmp_path):
    changed = bytearray(sealed)
    changed[sealed.index(b"/MediaBox") + 12] ^= 1
    path = tmp_path / "changed.pdf"
    path.write_bytes(changed)
    assert "Digest Mismatch." in pdfsig(path)


@pytest.mark.tools
def test_poppler_finds_an_increment_outside_the_seal(sealed, tmp_path):
    path = tmp_path / "appended.pdf"
    path.write_bytes(appended(sealed, change_info))
    assert "Not total document signed" in pdfsig(path)


def assert_rejected(verdict):
    assert not verdict.ok
    assert verdict.sentences()
    assert all(sentence.endswith(".") for sentence in verdict.sentences())
