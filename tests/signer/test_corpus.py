"""Every PDF that is to be had, and one of each odd kind: created, signed, sealed and verified, or refused by name.

What was signed must be where it was asked for, to within one percent of the page.
"""

import io
import os
from collections.abc import Mapping
from pathlib import Path

import pikepdf
import pytest

from tests.builders import pdfs
from tests.builders.ink import page_text
from tests.builders.oddities import ANCHOR, FORM_VALUE, anchored, form_pdf, installed_pdf, installed_pdfs, oddities
from tests.signer.corpus import PLACE, WITHIN, create, go_through, sealed_document
from tests.signer.service import CLIENT, make_anchor, make_field

slow = pytest.mark.crashes

ODDITIES, ANCHORED, INSTALLED = oddities(), anchored(), list(installed_pdfs())

#: The reference cards of Debian in as many languages as it has, and three manuals.
AT_LEAST_INSTALLED = 40

#: Which of them are refused, by file name, and a word of the reason. None is: Debian's documents are plain PDFs.
REFUSED_INSTALLED: Mapping[str, str] = {}


# --- Signed -----------------------------------------------------------------------------------------------------------


@slow
@pytest.mark.parametrize("name", ODDITIES)
def test_an_odd_document_is_signed_like_any_other(service, name):
    content = ODDITIES[name]()
    pages = len(pikepdf.open(io.BytesIO(content)).pages)
    numbers = range(1, pages + 1) if pages < 10 else (1, pages // 2, pages)
    document = go_through(service, content, fields=[make_field(page_number=n, position=PLACE) for n in numbers])
    assert page_text(content).strip() in page_text(document)


@slow
@pytest.mark.parametrize("name", ANCHORED)
def test_an_anchor_is_met_however_it_is_drawn(service, name):
    go_through(service, ANCHORED[name](), fields=[], anchor_tags=[make_anchor(anchor_string=ANCHOR)])


def test_every_match_of_an_anchor_gets_its_field(service):
    answer = create(
        service, ANCHORED["several matches"](), fields=[], anchor_tags=[make_anchor(anchor_string=ANCHOR, occurrence=0)]
    )
    first, second = (field["position"]["y"] for field in answer.json["fields"])
    assert second - first == pytest.approx(200 / 841.89 * 100, abs=WITHIN)


def test_a_form_is_flattened_with_what_was_in_it(service):
    document = go_through(service, form_pdf(), fields=[make_field(position=PLACE)])
    assert FORM_VALUE in page_text(document)
    with pikepdf.open(io.BytesIO(document)) as pdf:
        assert [str(field.T) for field in pdf.Root.AcroForm.Fields] == ["Seal"]


@slow
def test_two_hundred_fields_are_all_filled_in(service):
    places = [{"x": 4.6 * (n % 20), "y": 9.0 * (n // 20), "width": 4.0, "height": 2.0} for n in range(200)]
    document = go_through(service, pdfs.make_pdf(), fields=[make_field(position=place) for place in places])
    assert len(pikepdf.open(io.BytesIO(document)).Root.AcroForm.Fields) == 1


def test_long_text_stays_whole_inside_its_box(service):
    words = " ".join(f"clause{number}" for number in range(60))
    answer = create(service, pdfs.make_pdf(), fields=[make_field(type="text_area", position={**PLACE, "height": 12.0})])
    fill_in(service, words)
    document = sealed_document(service, answer.json["id"])
    assert " ".join(page_text(document).split()).endswith(words)


SCRIPTS = {
    "Latin": "Łukasz Žluťoučký",
    "Greek": "Ελένη Παπαδοπούλου",
    "Cyrillic": "Юлия Щербакова",
    "Hebrew": "דנה לוי",
    "Arabic": "محمد",
    "Devanagari": "राम",
}


@slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_text_in_the_scripts_that_people_have_is_shown_whole(service, script):
    answer = create(service, pdfs.make_pdf(text=""), fields=[make_field(type="text", position=PLACE)])
    fill_in(service, SCRIPTS[script])
    sealed_document(service, answer.json["id"])
    certificate = service.fetch(service.detail(answer.json["id"])["certificate_only_download_url"]).data
    assert "shown as a box" not in whole_text(certificate)


def test_a_character_that_no_typeface_has_is_named_on_the_certificate(service):
    answer = create(service, pdfs.make_pdf(text=""), fields=[make_field(type="text", position=PLACE)])
    fill_in(service, "Quay \ue000")
    assert "Quay \N{WHITE SQUARE}" in page_text(sealed_document(service, answer.json["id"]))
    certificate = service.fetch(service.detail(answer.json["id"])["certificate_only_download_url"]).data
    assert "U+E000" in whole_text(certificate)


def fill_in(service, text):
    """Sign with this text in the only field."""
    service.work()
    token = service.token()
    (field,) = service.ceremony.open(token, CLIENT).fields
    service.ceremony.finish(token, values={field.id: text}, consent=True, client=CLIENT)
    service.work()


def whole_text(content):
    with pikepdf.open(io.BytesIO(content)) as pdf:
        pages = len(pdf.pages)
    return " ".join(page_text(content, page=number) for number in range(1, pages + 1))


@pytest.mark.skipif(not os.environ.get("CI"), reason="only CI installs the packages that have PDFs")
def test_the_corpus_does_not_shrink_unnoticed():
    assert len(INSTALLED) >= AT_LEAST_INSTALLED


@slow
@pytest.mark.parametrize("path", INSTALLED, ids=lambda path: Path(path).name)
def test_an_installed_document_is_signed_unless_its_refusal_is_known(service, path):
    content, reason = installed_pdf(path), REFUSED_INSTALLED.get(Path(path).name)
    if reason is None:
        go_through(service, content, fields=[make_field(position=PLACE)])
        return
    refused = create(service, content, fields=[make_field(position=PLACE)])
    assert (refused.status_code, reason in refused.json["error"]) == (400, True), refused.json
