"""Checks a seal offline and says in plain words what holds and what does not."""

import io
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

# It writes a traceback for every file that it rejects; the verdict says all of it.
for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_NO_SEAL = "The file has no seal."
_SEVERAL_SEALS = "The file has more than one signature; a sealed document has exactly one."
_UNREADABLE = "The file is not a PDF whose seal can be read; it is damaged, or was changed after it was sealed."

#: What each fact means, as (when it holds, when it does not).
_MEANINGS = {
    "intact": (
        "The sealed bytes are exactly those that were sealed.",
        "The sealed bytes were changed after sealing.",
    ),
    "valid": (
        "The seal's signature fits its certificate.",
        "The seal's signature does not fit its certificate.",
    ),
    "covers_whole_file": (
        "The seal covers the whole file.",
        "The seal does not cover the whole file; something was added or moved after sealing.",
    ),
    "unmodified": (
        "Nothing was added to the document after sealing.",
        "The document was added to, or rewritten, after sealing.",
    ),
    "certified_no_changes": (
        "The seal certifies the document and forbids every later change.",
        "The seal does not forbid later changes; it was not made by this service.",
    ),
    "trusted": (
        "The seal was made with the expected certificate.",
        "The seal was not made with the expected certificate: it may come from somebody else.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What holds of a seal. `timestamped_at` is what an independent authority says, when one was asked."""

    intact: bool = False
    valid: bool = False
    covers_whole_file: bool = False
    unmodified: bool = False
    trusted: bool = False
    certified_no_changes: bool = False
    timestamped: bool = False
    timestamped_at: datetime | None = None
    self_signed: bool = False
    fingerprint_sha256: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the document is, byte for byte, what was sealed with the expected certificate."""
        return not self.problems and all(getattr(self, fact) for fact in _MEANINGS)

    def sentences(self) -> tuple[str, ...]:
        """Say everything, in plain English, one fact each."""
        if self.fingerprint_sha256 is None:
            return self.problems
        facts = (meanings[0 if getattr(self, fact) else 1] for fact, meanings in _MEANINGS.items())
        return (*self.problems, *facts, self._about_the_time(), self._about_the_certificate())

    def _about_the_time(self) -> str:
        if self.timestamped and self.timestamped_at is not None:
            return f"A time-stamping authority attests that it existed at {self.timestamped_at:%Y-%m-%d %H:%M:%S} UTC."
        return "It has no time-stamp: when it was sealed is only the signing service's own statement."

    def _about_the_certificate(self) -> str:
        known = f"The certificate's SHA-256 fingerprint is {self.fingerprint_sha256}."
        if self.self_signed:
            return f"{known} It vouches for itself: the seal proves that the document is unchanged, not who signed it."
        return f"{known} Who stands behind it is for its issuer to say; that was not checked."


def verify(content: bytes, *, trusted: x509.Certificate) -> Verdict:
    """Judge a sealed file against the certificate it should be sealed with; never raises for what is in the file.

    Nothing is fetched, as otherwise the file would choose whom this server calls.
    """
    try:
        signatures = PdfFileReader(io.BytesIO(content), strict=True).embedded_regular_signatures
        if len(signatures) != 1:
            return Verdict(problems=(_SEVERAL_SEALS if signatures else _NO_SEAL,))
        return _judge(content, signatures[0], trusted)
    except Exception:  # noqa: BLE001 (a parser fed with changed bytes raises nearly everything; each means "unreadable")
        return Verdict(problems=(_UNREADABLE,))


def verify_file(file: Path, *, certificate: Path) -> Verdict:
    """Judge a sealed file against a certificate in PEM; raise ValueError when that cannot be read as one."""
    try:
        trusted = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError as error:
        raise ValueError(f"{certificate} is not a certificate in PEM.") from error
    return verify(file.read_bytes(), trusted=trusted)


def _judge(content: bytes, seal: EmbeddedPdfSignature, trusted: x509.Certificate) -> Verdict:
    root = asn1_x509.Certificate.load(trusted.public_bytes(serialization.Encoding.DER))
    context = ValidationContext(trust_roots=[root], allow_fetching=False)
    status: PdfSignatureStatus = validate_pdf_signature(seal, context)
    stamp = status.timestamp_validity
    is_expected = status.signing_cert.dump() == root.dump()
    has_stamp = stamp is not None and stamp.intact and stamp.valid
    return Verdict(
        intact=bool(status.intact) and _is_as_written(content, seal),
        valid=bool(status.valid),
        covers_whole_file=status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
        unmodified=bool(status.docmdp_ok) and status.modification_level is ModificationLevel.NONE,
        # pyHanko skips the certificate of a changed file, but whose seal was broken is worth saying all the same.
        trusted=is_expected and (bool(status.trusted) or not status.intact),
        certified_no_changes=_is_certified(seal),
        timestamped=has_stamp,
        timestamped_at=stamp.timestamp if stamp is not None and has_stamp else None,
        self_signed=status.signing_cert.self_signed in ("yes", "maybe"),
        fingerprint_sha256=status.signing_cert.sha256.hex(),
        problems=("The time-stamp in the seal is broken.",) if stamp is not None and not has_stamp else (),
    )


def _is_certified(seal: EmbeddedPdfSignature) -> bool:
    """Tell whether this signature is the one the document names as its certification, at level "no changes"."""
    permissions: Any = seal.reader.root.get("/Perms", {})
    is_named = "/DocMDP" in permissions and permissions["/DocMDP"] == seal.sig_object
    return is_named and seal.docmdp_level is MDPPerm.NO_CHANGES


def _is_as_written(content: bytes, seal: EmbeddedPdfSignature) -> bool:
    """Tell whether the signature object itself is, byte for byte, what sealing writes.

    The sealed bytes lie around this object, not in it, and not all that is in it is signed: version numbers, a list of
    algorithms, padding, the case of the digits. A change there proves nothing, but it is a change. So the object is
    built anew from its verified parts (RFC 5652, section 5) and compared.
    """
    start, end = int(seal.byte_range[1]), int(seal.byte_range[2])
    found = seal.signed_data["signer_infos"][0]
    sha256 = cms.DigestAlgorithm({"algorithm": "sha256"})
    signer = {
        "version": "v1",
        "sid": found["sid"],
        "digest_algorithm": sha256,
        "signed_attrs": found["signed_attrs"],
        "signature_algorithm": found["signature_algorithm"],
        "signature": found["signature"],
    }
    if found["unsigned_attrs"].native:
        signer["unsigned_attrs"] = found["unsigned_attrs"]
    rebuilt = cms.ContentInfo(
        {
            "content_type": "signed_data",
            "content": cms.SignedData(
                {
                    "version": "v1",
                    "digest_algorithms": [sha256],
                    "encap_content_info": {"content_type": "data"},
                    "certificates": seal.signed_data["certificates"],
                    "signer_infos": [signer],
                }
            ),
        }
    )
    digits: bytes = rebuilt.dump().hex().upper().encode("ascii")
    return content[start:end] == b"<" + digits.ljust(end - start - 2, b"0") + b">"
