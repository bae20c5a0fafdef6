"""Chinese, Japanese and Korean names and texts, from create to the certificate, with Debian's fonts-noto-cjk."""

import io
import os

import pikepdf
import pytest

from app.signer.typefaces import has_system_cjk
from tests.builders.ink import page_text
from tests.builders.pdfs import make_pdf
from tests.signer.corpus import sealed_document
from tests.signer.service import make_field, make_recipient

pytestmark = pytest.mark.skipif(
    not has_system_cjk() and not os.environ.get("CI"), reason="fonts-noto-cjk is not installed; CI has it"
)

PEOPLE = {"Japanese": ("山田太郎", "東京都港区"), "Korean": ("김철수", "서울특별시"), "Chinese": ("王小明", "上海市")}


@pytest.mark.parametrize(
    "language", ["Japanese", *(pytest.param(name, marks=pytest.mark.crashes) for name in ("Korean", "Chinese"))]
)
def test_a_name_is_on_the_document_and_on_the_certificate_as_text_with_its_glyphs(service, language):
    name, address = PEOPLE[language]
    envelope_id = service.send(
        name=f"{address} 1-2-3",
        pdf=make_pdf(text=""),
        recipients=[make_recipient(first_name=name, last_name=None)],
        fields=[make_field(), make_field(type="text", position={"x": 10, "y": 40, "width": 40, "height": 4})],
    )
    service.sign(signature=f"typed:{name}", text=address)

    document = sealed_document(service, envelope_id)
    certificate = service.fetch(service.detail(envelope_id)["certificate_only_download_url"]).data

    assert name in page_text(document)
    assert address in page_text(document)
    assert name in page_text(certificate)
    assert f"{address} 1-2-3" in page_text(certificate)
    for content in (document, certificate):
        assert any("NotoSansCJK" in font for font in embedded_fonts(content))
        assert "shown as a box" not in "".join(page_text(content).split("\n"))
    assert name in str(service.mails("person1@example.test")[0]["To"])


def embedded_fonts(content):
    """Return the names of the composite fonts whose glyphs are in the file."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        descriptors = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Dictionary) and "/FontName" in obj]
        return [str(obj.FontName) for obj in descriptors if "/FontFile3" in obj or "/FontFile2" in obj]
