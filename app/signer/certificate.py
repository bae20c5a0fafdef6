"""Draws the certificate of completion: what was signed, by whom, when, from where, and how to check it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from app.signer.facts import CertificateFacts, PersonFacts, SealFacts
from app.signer.report import GREY, Report

_TITLE = "Certificate of completion"
_DEEDS = {"Signer": "Signed", "Approver": "Approved"}
_NOTHING = "\N{EN DASH}"


def draw_certificate(facts: CertificateFacts) -> bytes:
    """Return the certificate as a PDF, not yet sealed. The same facts give the same bytes."""
    report = Report(footer=f"{_TITLE} · Envelope {facts['envelope_id']}")
    report.banner(_TITLE, facts["document_name"])
    _draw_document(report, facts)
    _draw_seal(report, facts["seal"])
    _draw_people(report, facts["people"])
    report.heading("Consent")
    for consent in facts["consents"]:
        report.paragraph(f"{', '.join(consent['people'])} first agreed to this:", colour=GREY)
        report.paragraph(consent["text"])
    _draw_events(report, facts)
    _draw_missing(report, [*facts["missing_glyphs"], *report.missing])
    return report.finish(title=f"{_TITLE}: {facts['document_name']}", created_at=_moment(facts["issued_at"]))


def _draw_document(report: Report, facts: CertificateFacts) -> None:
    report.heading("Document")
    report.row("Name", facts["document_name"])
    report.row("Envelope", facts["envelope_id"])
    report.row("Pages", str(facts["page_count"]))
    report.row("Completed", _time(facts["completed_at"]))
    report.row("SHA-256 as sent", facts["sha256_before"])
    report.row("SHA-256 signed, sealed", facts["sha256_after"])


def _draw_seal(report: Report, seal: SealFacts) -> None:
    report.heading("Seal")
    report.row("Kind", "PAdES signature over the whole file, certified: no changes allowed")
    report.row("Certificate SHA-256", seal["fingerprint_sha256"])
    report.row("Time-stamp", _about_time_stamp(seal))
    issuer = "The certificate vouches for itself: it proves that" if seal["self_signed"] else "It proves that"
    report.row("What it proves", f"{issuer} the document is unchanged since sealing, not who the people below are.")


def _about_time_stamp(seal: SealFacts) -> str:
    if seal["timestamped"]:
        return "In the seal, from an independent time-stamping authority (RFC 3161)"
    if seal["timestamp_wanted"]:
        return "None: the time-stamping authority did not answer. Times are those of the signing service."
    return "None. Times are those of the signing service."


def _draw_people(report: Report, people: Sequence[PersonFacts]) -> None:
    report.heading("People", followed_by=90)
    for person in people:
        report.title_row(person["name"], person["designation"])
        report.row("E-mail", person["email"])
        deed = _DEEDS.get(person["designation"])
        if deed is None:
            report.row("Part", "Receives a copy")
            continue
        if person.get("code_confirmed_at"):
            report.row("Code from e-mail", f"Entered {_time(person['code_confirmed_at'])}")
        report.row("Opened", _time(person.get("viewed_at")))
        report.row("Consented", _time(person.get("consented_at")))
        report.row(deed, _time(person.get("signed_at")))
        report.row("IP address", person.get("ip_address") or _NOTHING)
        report.row("Browser", person.get("user_agent") or _NOTHING)


def _draw_events(report: Report, facts: CertificateFacts) -> None:
    report.heading("History", followed_by=80)
    report.paragraph("All times are Coordinated Universal Time (UTC).", colour=GREY)
    report.table(
        ("Time", "Event", "By", "IP address"),
        (0.23, 0.31, 0.22, 0.24),
        [
            (_time(event["at"]), event["description"], event["actor"], event["ip_address"] or _NOTHING)
            for event in facts["events"]
        ],
    )
    if facts.get("audit_hash"):
        report.space(4)
        report.row("Hash of the last line", str(facts["audit_hash"]))


def _draw_missing(report: Report, characters: Sequence[str]) -> None:
    if not characters:
        return
    report.heading("Characters shown as a box")
    report.paragraph("No typeface on the signing service has these characters. The records hold them unchanged.")
    report.row("Unicode", ", ".join(f"U+{ord(character):04X}" for character in dict.fromkeys(characters)))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _time(text: str | None) -> str:
    return f"{_moment(text):%Y-%m-%d %H:%M:%S} UTC" if text else _NOTHING
