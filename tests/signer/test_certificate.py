import io

import pikepdf
import pypdfium2
import pytest

from app.domain import clock
from app.pdf.sandbox import Sandbox
from app.signer.certificate import draw_certificate
from app.signer.seal_key import ensure_certificate
from app.signer.verification import verify
from tests.builders.seals import NOW, load_sealer


def person(name="Ada Lovelace", **changes):
    return {
        "name": name,
        "email": "ada@example.com",
        "designation": "Signer",
        "viewed_at": "2026-11-20T08:01:02.003Z",
        "consented_at": "2026-11-20T08:02:03.004Z",
        "signed_at": "2026-11-20T08:02:03.004Z",
        "ip_address": "203.0.113.7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    } | changes


def event(number=1, **changes):
    return {
        "at": "2026-11-20T09:03:04.000+01:00",
        "description": f"Opened page {number}",
        "actor": "Ada Lovelace",
        "ip_address": "203.0.113.7",
    } | changes


def facts(**changes):
    seal = {"fingerprint_sha256": "f" * 64, "timestamped": False, "timestamp_wanted": False, "self_signed": True}
    return {
        "envelope_id": "0193c2c3-2222-7aaa-8bbb-000000000002",
        "document_name": "Lease of Main Street 12",
        "completed_at": "2026-11-20T08:05:00.000Z",
        "issued_at": "2026-11-20T08:05:01.000Z",
        "page_count": 12,
        "sha256_before": "a" * 64,
        "sha256_after": "b" * 64,
        "people": [person()],
        "consents": [{"text": "I agree to sign electronically.", "people": ["Ada Lovelace"]}],
        "events": [event()],
        "seal": seal | changes.pop("seal", {}),
        "missing_glyphs": [],
    } | changes


def pages_of(content):
    document = pypdfium2.PdfDocument(content)
    try:
        # PDFium writes a line break of a wrapped line as \r\n.
        return [page.get_textpage().get_text_range().replace("\r\n", " ") for page in document]
    finally:
        document.close()


def text_of(content):
    return " ".join(pages_of(content))


@pytest.mark.parametrize(
    "fact",
    [
        "Certificate of completion",
        "Lease of Main Street 12",
        "0193c2c3-2222-7aaa-8bbb-000000000002",
        "a" * 64,
        "b" * 64,
        "f" * 64,
        "Ada Lovelace",
        "ada@example.com",
        "Signer",
        "2026-11-20 08:01:02 UTC",
        "2026-11-20 08:02:03 UTC",
        "203.0.113.7",
        "Mozilla/5.0 (X11; Linux x86_64)",
        "I agree to sign electronically.",
        "Opened page 1",
        "not who the people below are",
        "Page 1 of ",
    ],
)
def test_the_certificate_tells(fact):
    assert fact in text_of(draw_certificate(facts()))


def test_every_time_is_in_utc_and_says_so():
    text = text_of(draw_certificate(facts()))
    assert "2026-11-20 08:03:04 UTC" in text
    assert "09:03:04" not in text


@pytest.mark.parametrize(
    ("seal", "sentence"),
    [
        ({}, "None. Times are those of the signing service."),
        ({"timestamp_wanted": True}, "the time-stamping authority did not answer"),
        ({"timestamp_wanted": True, "timestamped": True}, "from an independent time-stamping authority"),
    ],
)
def test_whether_there_is_a_time_stamp_is_said_openly(seal, sentence):
    assert sentence in text_of(draw_certificate(facts(seal=seal)))


def test_only_a_certificate_that_vouches_for_itself_is_said_to():
    assert "vouches for itself" in text_of(draw_certificate(facts()))
    assert "vouches for itself" not in text_of(draw_certificate(facts(seal={"self_signed": False})))


def test_an_approver_approves_and_a_cc_only_gets_a_copy():
    people = [
        person("Grace Hopper", designation="Approver"),
        person("Alan Turing", designation="CC", signed_at=None, viewed_at=None),
    ]
    text = text_of(draw_certificate(facts(people=people)))
    assert "Approved 2026-11-20 08:02:03 UTC" in text
    assert "Receives a copy" in text


@pytest.mark.parametrize("name", ["Žofie Nováková", "Ελένη Παπαδοπούλου", "Олена Шевченко", "Nguyễn Thị Hương"])
def test_a_name_in_any_script_is_shown(name):
    assert name in text_of(draw_certificate(facts(people=[person(name)])))


@pytest.mark.parametrize(
    "name",
    [
        "\u05d3\u05e0\u05d4 \u05db\u05d4\u05df",
        "\u0644\u064a\u0644\u0649",
        "\u0905\u0928\u0928\u094d\u092f\u093e",
    ],
    ids=["Hebrew", "Arabic", "Devanagari"],
)
def test_a_name_in_a_script_with_its_own_typeface_leaves_nothing_out(name):
    assert "shown as a box" not in text_of(draw_certificate(facts(people=[person(name)])))


def test_what_each_person_agreed_to_stands_beside_their_names():
    german = {"text": "Ich stimme zu.", "people": ["Jörg Müller"]}
    english = {"text": "I agree.", "people": ["Ada Lovelace", "Bob Roe"]}
    text = text_of(draw_certificate(facts(consents=[german, english])))
    assert "Jörg Müller first agreed to this: Ich stimme zu." in text
    assert "Ada Lovelace, Bob Roe first agreed to this: I agree." in text


def test_a_character_without_a_typeface_is_named_wherever_it_stood():
    text = text_of(draw_certificate(facts(people=[person("Ada \U0001f600")])))
    assert "U+1F600" in text


def test_characters_missing_in_the_document_are_named():
    assert "U+13000" in text_of(draw_certificate(facts(missing_glyphs=["\U00013000"])))


def test_a_long_history_goes_over_several_pages_with_its_titles_and_numbers():
    content = draw_certificate(facts(events=[event(number) for number in range(1, 201)]))
    pages = pages_of(content)
    assert len(pages) > 3
    assert all(f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, start=1))
    assert all("IP address" in page for page in pages[2:-1])
    text = " ".join(pages)
    assert all(f"Opened page {number} " in text for number in range(1, 201))


def test_very_long_words_stay_on_the_paper():
    content = draw_certificate(
        facts(
            document_name="x" * 255, people=[person("N" * 200, email=f"{'e' * 240}@example.com", user_agent="u" * 500)]
        )
    )
    document = pypdfium2.PdfDocument(content)
    try:
        for page in document:
            text = page.get_textpage()
            boxes = [text.get_charbox(index) for index in range(text.count_chars())]
            assert max(right for _, _, right, _ in boxes) <= page.get_width() - 50
            assert min(bottom for _, bottom, _, _ in boxes) >= 20
    finally:
        document.close()


def test_the_same_facts_give_the_same_bytes():
    assert draw_certificate(facts()) == draw_certificate(facts())


def test_the_file_says_what_it_is_and_when_it_was_made():
    with pikepdf.open(io.BytesIO(draw_certificate(facts()))) as pdf:
        assert str(pdf.docinfo.Title) == "Certificate of completion: Lease of Main Street 12"
        assert str(pdf.docinfo.CreationDate) == "D:20261120080501Z"


def test_a_certificate_can_be_sealed(tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "utcnow", lambda: NOW)
    ensure_certificate(tmp_path / "seal.p12")
    sealer = load_sealer(tmp_path / "seal.p12")
    sealed = sealer.seal(draw_certificate(facts()), reason="Certificate of completion", signed_at=NOW)
    assert verify(sealed.content, trusted=sealer.certificate).ok


def test_a_certificate_can_be_drawn_in_the_child_process():
    with Sandbox() as sandbox:
        content = sandbox.call("app.signer.certificate:draw_certificate", facts=facts())
    assert content == draw_certificate(facts())
