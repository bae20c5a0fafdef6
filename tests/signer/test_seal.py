import hashlib
import io
import stat
import subprocess
import sys
from datetime import timedelta

import pikepdf
import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from app.domain import clock
from app.domain.errors import UnreadablePdf
from app.signer.seal_key import UnusableCertificate, ensure_certificate, fingerprint, load_key
from app.signer.verification import verify
from tests.builders.pdfs import make_pdf, truncated_pdf
from tests.builders.seals import NOW, PASSPHRASE, load_sealer, make_p12, make_timestamper, stamping, timestamp_server


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr(clock, "utcnow", lambda: NOW)


@pytest.fixture
def p12(tmp_path):
    path = tmp_path / "keys" / "seal.p12"
    ensure_certificate(path)
    return path


def seal(sealer, content=None, **options):
    return sealer.seal(content or make_pdf(), **{"reason": "Completed", "signed_at": NOW} | options)


# --- The certificate --------------------------------------------------------------------------------------------------


def test_a_new_certificate_is_for_the_owner_s_eyes_only(p12):
    assert stat.S_IMODE(p12.stat().st_mode) == 0o600


def test_a_new_certificate_lasts_ten_years_and_may_only_sign(p12):
    certificate = load_key(p12).certificate
    assert certificate.not_valid_before_utc == NOW
    assert certificate.not_valid_after_utc - NOW > timedelta(days=3650)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment
    assert not usage.value.key_cert_sign
    assert certificate.public_key().curve.name == "secp256r1"


def test_the_public_half_lies_beside_it_for_those_who_verify(p12):
    public = x509.load_pem_x509_certificate(p12.with_suffix(".pem").read_bytes())
    assert public == load_key(p12).certificate
    assert b"PRIVATE" not in p12.with_suffix(".pem").read_bytes()


def test_a_certificate_that_is_there_stays(p12):
    before = p12.read_bytes()
    ensure_certificate(p12)
    assert p12.read_bytes() == before
    assert sorted(path.name for path in p12.parent.iterdir()) == ["seal.p12", "seal.pem"]


def test_processes_that_start_together_agree_on_one_certificate(tmp_path):
    path = tmp_path / "seal.p12"
    program = (
        "import sys; from pathlib import Path;"
        "from app.signer.seal_key import ensure_certificate, fingerprint, load_key;"
        "path = Path(sys.argv[1]); sys.stdin.readline(); ensure_certificate(path);"
        "print(fingerprint(load_key(path).certificate))"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    fingerprints = {starter.communicate("go\n", timeout=60)[0] for starter in starters}
    assert len(fingerprints) == 1
    assert len(fingerprints.pop().strip()) == 64
    assert sorted(file.name for file in tmp_path.iterdir()) == ["seal.p12", "seal.pem"]


# --- An operator's own ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ec", "rsa"])
@pytest.mark.parametrize("issued_by_authority", [False, True])
def test_an_own_certificate_seals(tmp_path, algorithm, issued_by_authority):
    path = make_p12(
        tmp_path / "own.p12", passphrase=PASSPHRASE, algorithm=algorithm, issued_by_authority=issued_by_authority
    )
    sealer = load_sealer(path, PASSPHRASE)
    verdict = verify(seal(sealer).content, trusted=sealer.certificate)
    assert verdict.ok, verdict.sentences()
    assert verdict.self_signed is not issued_by_authority


@pytest.mark.parametrize(
    ("options", "passphrase", "message"),
    [
        ({"passphrase": PASSPHRASE}, "another", "passphrase"),
        ({"passphrase": PASSPHRASE}, None, "passphrase"),
        ({"starts": NOW + timedelta(days=1)}, None, "not valid today"),
        ({"lifetime": timedelta(hours=1)}, None, "not valid today"),
        ({"for_signatures": False}, None, "not made for signatures"),
    ],
)
def test_a_certificate_that_cannot_seal_is_refused_at_the_start(tmp_path, options, passphrase, message):
    path = make_p12(tmp_path / "own.p12", **options)
    with pytest.raises(UnusableCertificate, match=message) as caught:
        load_key(path, passphrase)
    assert PASSPHRASE not in str(caught.value)


def test_a_missing_or_foreign_file_is_refused_at_the_start(tmp_path):
    with pytest.raises(UnusableCertificate, match="No such file"):
        load_key(tmp_path / "none.p12")
    (tmp_path / "text.p12").write_text("not a P12 file")
    with pytest.raises(UnusableCertificate, match="is not a P12 file"):
        load_key(tmp_path / "text.p12")


# --- The seal ---------------------------------------------------------------------------------------------------------


def test_a_seal_is_a_pades_signature_that_forbids_changes_and_shows_nothing(p12):
    sealer = load_sealer(p12)
    with pikepdf.open(io.BytesIO(seal(sealer).content)) as pdf:
        (field,) = pdf.Root.AcroForm.Fields
        assert str(field.T) == "Seal"
        assert [float(number) for number in field.Rect] == [0, 0, 0, 0]
        assert field.V.SubFilter == "/ETSI.CAdES.detached"
        assert str(field.V.Reason) == "Completed"
        assert str(field.V.M) == "D:20261120083000Z"
        assert field.V.Reference[0].TransformParams.P == 1
        assert pdf.Root.Perms.DocMDP.objgen == field.V.objgen


def test_the_document_itself_is_untouched_by_sealing(p12):
    content = make_pdf()
    assert seal(load_sealer(p12), content).content.startswith(content)


def test_the_seal_names_the_digest_of_all_bytes_around_it(p12):
    content = seal(load_sealer(p12)).content
    with pikepdf.open(io.BytesIO(content)) as pdf:
        signature = pdf.Root.Perms.DocMDP
        start, length, second, rest = (int(number) for number in signature.ByteRange)
        contents = bytes(signature.Contents)
    assert (start, second + rest) == (0, len(content))
    digest = hashlib.sha256(content[:length] + content[second:]).digest()
    (signer,) = cms.ContentInfo.load(contents)["content"]["signer_infos"]
    attributes = {item["type"].native: item["values"][0].native for item in signer["signed_attrs"]}
    assert attributes["message_digest"] == digest


def test_a_sealed_document_says_whose_seal_it_is(p12):
    sealer = load_sealer(p12)
    sealed = seal(sealer)
    public = x509.load_pem_x509_certificate(p12.with_suffix(".pem").read_bytes())
    assert sealed.fingerprint_sha256 == fingerprint(public)
    assert sealed.fingerprint_sha256 == hashlib.sha256(public.public_bytes(serialization.Encoding.DER)).hexdigest()
    assert sealed.timestamped is False


@pytest.mark.parametrize("content", [b"", b"no PDF", truncated_pdf()])
def test_a_file_that_cannot_carry_a_seal_is_refused(p12, content):
    with pytest.raises(UnreadablePdf):
        load_sealer(p12).seal(content, reason="Completed", signed_at=NOW)


def test_a_sealed_file_is_not_sealed_twice(p12):
    sealer = load_sealer(p12)
    with pytest.raises(UnreadablePdf):
        seal(sealer, seal(sealer).content)


# --- The time ---------------------------------------------------------------------------------------------------------


def test_an_authority_s_time_goes_into_the_seal(p12):
    authority = make_timestamper()
    with timestamp_server(lambda _, request: (200, stamping(request, authority))) as (url, _):
        sealer = load_sealer(p12, tsa_url=url)
        sealed = seal(sealer)
    verdict = verify(sealed.content, trusted=sealer.certificate)
    assert sealed.timestamped
    assert verdict.ok, verdict.sentences()
    assert verdict.timestamped_at == NOW
    assert "2026-11-20 08:30:00 UTC" in " ".join(verdict.sentences())


def test_an_authority_that_fails_once_is_asked_again(p12):
    authority = make_timestamper()

    def fail_first(number, request):
        return (503, b"") if number == 1 else (200, stamping(request, authority))

    with timestamp_server(fail_first) as (url, _):
        assert seal(load_sealer(p12, tsa_url=url)).timestamped


def test_without_an_answer_the_document_is_sealed_and_says_so(p12):
    with timestamp_server(lambda *_: (500, b"")) as (url, requests):
        sealer = load_sealer(p12, tsa_url=url)
        sealed = seal(sealer)
    verdict = verify(sealed.content, trusted=sealer.certificate)
    assert len(requests) == 2
    assert sealed.timestamped is False
    assert verdict.ok
    assert "no time-stamp" in " ".join(verdict.sentences())


def test_rubbish_from_an_authority_never_counts_as_a_time(p12):
    with timestamp_server(lambda *_: (200, b"rubbish")) as (url, _):
        assert seal(load_sealer(p12, tsa_url=url)).timestamped is False


def test_an_unreachable_authority_does_not_stop_the_sealing(p12):
    with timestamp_server(lambda *_: (200, b"")) as (url, _):
        closed = url
    assert seal(load_sealer(p12, tsa_url=closed)).timestamped is False


def test_a_token_for_something_else_never_counts_as_a_time(p12):
    authority = make_timestamper()
    first = []

    def replay(_, request):
        first.append(stamping(request, authority))
        return 200, first[0]

    with timestamp_server(replay) as (url, _):
        assert seal(load_sealer(p12, tsa_url=url)).timestamped is False
