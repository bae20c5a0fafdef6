"""The document's text on the signing page."""

import pytest

from app.signer.ceremony import CeremonyClosed
from tests.builders.pdfs import make_pdf
from tests.signer.page_browser import PAGE, get, make_browser, make_ceremony, signing_browser
from tests.signer.service import CLIENT

TEXTS = f"{PAGE}/texts.json"


def test_the_page_fetches_the_texts_of_its_own_document():
    browser = signing_browser(make_ceremony())
    assert f'data-texts="{TEXTS}"' in get(browser, PAGE).text

    answer = get(browser, TEXTS)

    assert answer.json == ["First page", ""]
    assert answer.headers["Cache-Control"] == "no-store"


def test_nobody_reads_them_without_the_cookie():
    assert get(make_browser(make_ceremony()), TEXTS).status_code == 404


def test_the_texts_are_the_documents(service):
    service.send(pdf=make_pdf(text="Rent is due.", pages=2))
    token = service.token()
    with pytest.raises(CeremonyClosed):
        service.document_texts(token)
    service.ceremony.open(token, CLIENT)

    first, again = service.document_texts(token), service.document_texts(token)

    assert first == again == b'["Rent is due.", "Rent is due."]'
