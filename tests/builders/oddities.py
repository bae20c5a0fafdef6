"""Builds one PDF for each way in which the PDFs that people have differ from the ordinary."""

import gzip
import io
import random
import sysconfig
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, String

from tests.builders.pdfs import A4, draw_text, drawn_pdf, make_pdf, saved

ANCHOR = "{{SIGN_1}}"
#: Where packages put the documents they bring along.
_FOLDERS = (Path("/usr/share"), Path(sysconfig.get_path("purelib")))

#: What the form of `form_pdf` was filled in with.
FORM_VALUE = "Quay 17, Łódź"


def oddities() -> dict[str, Callable[[], bytes]]:
    """Return every document that can be signed, by name; each has text."""
    return {
        **{f"rotated by {turn}": _later(make_pdf, rotate=turn) for turn in (0, 90, 180, 270)},
        "crop box with an offset": _later(make_pdf, crop=(50, 60, 500, 780)),
        "boxes away from the origin": _later(make_pdf, media=(-200, -100, 395, 742), crop=(-150, -50, 300, 742)),
        "turned crop box": _later(make_pdf, rotate=90, crop=(50, 60, 500, 780)),
        "inherited boxes and rotation": _later(make_pdf, inherit=True, rotate=270, crop=(10, 20, 500, 800)),
        "user unit": _later(make_pdf, size=(300, 400), at=(30, 350), user_unit=2),
        "mixed page sizes": mixed_pdf,
        "500 pages": _later(make_pdf, pages=500),
        "form with values": form_pdf,
        "annotations": annotated_pdf,
        "object streams": _later(resaved, object_stream_mode=ObjectStreamMode.generate),
        "linearised": _later(resaved, linearize=True),
        **{f"PDF {version}": _later(resaved, force_version=version) for version in VERSIONS},
        "PDF/A": archival_pdf,
        "hybrid cross-references": hybrid_pdf,
        "several revisions": revised_pdf,
        "content in pieces": pieces_pdf,
        "20 MiB": large_pdf,
    }


VERSIONS = ("1.3", "1.4", "1.5", "1.6", "1.7", "2.0")

#: Operators that draw the anchor in the ways that writers have.
ANCHORS = {
    "in one piece": b"72 700 Td ({{SIGN_1}}) Tj",
    "over several operations": b"72 700 Td ({{SI) Tj (GN_) Tj (1}}) Tj",
    "spaced letters": b"6 Tc 72 700 Td ({{SIGN_1}}) Tj",
    "spaced by kerning": b"72 700 Td [({{SI) -900 (GN_) -600 (1}})] TJ",
    "wrapped over two lines": b"14 TL 72 700 Td ({{SIGN) Tj T* (_1}}) Tj",
    "several matches": b"72 700 Td ({{SIGN_1}}) Tj 0 -200 Td ({{SIGN_1}}) Tj",
}


def anchored() -> dict[str, Callable[[], bytes]]:
    """Return documents with the anchor, by how it is drawn."""
    drawn = {name: _later(drawn_pdf, b"BT /F1 12 Tf " + operators + b" ET") for name, operators in ANCHORS.items()}
    return drawn | {"in a form": anchor_in_form_pdf}


def mixed_pdf() -> bytes:
    """Build a PDF whose pages have different sizes and turns."""
    pdf = pikepdf.new()
    for number, (size, turn) in enumerate([(A4, 0), ((842, 1191), 90), ((250, 350), 180), ((1200, 300), 0)]):
        with pikepdf.open(io.BytesIO(make_pdf(text=f"Page {number}", at=(20, 200), size=size, rotate=turn))) as one:
            pdf.pages.extend(one.pages)
    return saved(pdf)


def form_pdf() -> bytes:
    """Build a PDF with a filled-in form field."""

    def add(pdf: pikepdf.Pdf) -> None:
        field = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Tx,
                T=String("berth"),
                V=String(FORM_VALUE),
                DA=String("/Helv 0 Tf"),
                Rect=Array([100, 600, 300, 630]),
                F=4,
            )
        )
        pdf.pages[0].Annots = Array([field])
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]))

    return make_pdf(change=add)


def annotated_pdf() -> bytes:
    """Build a PDF with a link, a highlight and a comment that has a picture."""

    def add(pdf: pikepdf.Pdf) -> None:
        picture = pdf.make_stream(b"0.9 0.9 0.5 rg 0 0 90 20 re f", BBox=Array([0, 0, 90, 20]), Subtype=Name.Form)
        place = Array([100, 600, 190, 620])
        pdf.pages[0].Annots = Array(
            [
                Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=place, A=Dictionary(S=Name.URI, URI=String("x:"))),
                Dictionary(
                    Type=Name.Annot,
                    Subtype=Name.Highlight,
                    Rect=place,
                    QuadPoints=Array([100, 620, 190, 620, 100, 600, 190, 600]),
                ),
                Dictionary(Type=Name.Annot, Subtype=Name.FreeText, Rect=place, AP=Dictionary(N=picture), F=4),
            ]
        )

    return make_pdf(change=add)


def resaved(**options: object) -> bytes:
    """Build an ordinary PDF, written in another way."""
    with pikepdf.open(io.BytesIO(make_pdf(pages=3))) as pdf:
        return saved(pdf, **options)


def archival_pdf() -> bytes:
    """Build a PDF that says it is PDF/A-2b, with its metadata and output intent."""

    def declare(pdf: pikepdf.Pdf) -> None:
        with pdf.open_metadata() as metadata:
            metadata["pdfaid:part"], metadata["pdfaid:conformance"] = "2", "B"
        intent = Dictionary(Type=Name.OutputIntent, S=Name.GTS_PDFA1, OutputConditionIdentifier=String("sRGB"))
        pdf.Root.OutputIntents = Array([pdf.make_indirect(intent)])

    return make_pdf(change=declare)


def hybrid_pdf() -> bytes:
    """Build a PDF for old and new readers at once: a table, and a stream for what only new ones shall see.

    (ISO 32000-1, 7.5.8.4.) The page's content is in an object that the table calls free.
    """
    content = draw_text("Contract", at=(72, 720), font_size=12)
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 %s >> >> >>"
    )
    packed = b"5 0 (packed in an object stream)"
    bodies = {
        1: b"<< /Type /Catalog /Pages 2 0 R /Packed 5 0 R >>",
        2: b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        3: page % font,
        4: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        6: b"<< /Type /ObjStm /N 1 /First 4 /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed),
    }
    output, offsets = b"%PDF-1.5\n", {}
    for number, body in bodies.items():
        offsets[number] = len(output)
        output += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    # The stream describes the packed object 5 (type 2: in stream 6 at index 0) and itself.
    stream_at = len(output)
    rows = b"\x02\x00\x00\x00\x06\x00" + b"\x01" + stream_at.to_bytes(4, "big") + b"\x00"
    output += b"7 0 obj\n<< /Type /XRef /Size 8 /W [1 4 1] /Index [5 1 7 1] /Root 1 0 R /Length %d >>\n" % len(rows)
    output += b"stream\n%s\nendstream\nendobj\n" % rows
    start = len(output)
    output += b"xref\n0 8\n0000000000 65535 f \n"
    for number in range(1, 8):
        entry = (offsets[number], 0, b"n") if number in offsets else (0, 65535, b"f")
        output += b"%010d %05d %s \n" % entry
    return output + b"trailer\n<< /Size 8 /Root 1 0 R /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n" % (stream_at, start)


def revised_pdf() -> bytes:
    """Build a PDF that was added to after it was written: its first page has another content now."""
    content = make_pdf(text="First draft")
    with pikepdf.open(io.BytesIO(content)) as pdf:
        number, size = pdf.pages[0].Contents.objgen[0], int(pdf.trailer.Size)
        root = pdf.Root.objgen[0]
    before = content[content.rindex(b"startxref") + len(b"startxref") :].split()[0]
    drawing = draw_text("Contract", at=(72, 720), font_size=12)
    at = len(content)
    revision = b"%d 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (number, len(drawing), drawing)
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root %d 0 R /Prev %s >>\nstartxref\n%d\n%%%%EOF\n"
    return content + revision + table % (number, at, size, root, before, at + len(revision))


def pieces_pdf() -> bytes:
    """Build a PDF whose page content is cut into streams in the middle of a graphics state."""

    def cut(pdf: pikepdf.Pdf) -> None:
        parts = (b"q 1 0 0 1 20 0 cm", b"BT /F1 12 Tf 72 720 Td", b"(Contract) Tj ET", b"2 0 0 2 0 0 cm")
        pdf.pages[0].Contents = Array([pdf.make_stream(part) for part in parts])

    return make_pdf(change=cut)


def large_pdf(size: int = 20 * 1024 * 1024) -> bytes:
    """Build a PDF of at least that many bytes: a picture of noise, which no compression makes smaller."""
    side = 2650

    def draw(pdf: pikepdf.Pdf) -> None:
        noise = random.Random(20).randbytes(side * side * 3)
        picture = pdf.make_stream(
            zlib.compress(noise, 0),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=side,
            Height=side,
            ColorSpace=Name.DeviceRGB,
            BitsPerComponent=8,
            Filter=Name.FlateDecode,
        )
        pdf.pages[0].Resources.XObject = Dictionary(Noise=picture)
        pdf.pages[0].Contents = pdf.make_stream(b"q 100 0 0 100 400 50 cm /Noise Do Q")

    content = make_pdf(change=draw)
    assert len(content) >= size
    return content


def anchor_in_form_pdf() -> bytes:
    """Build a PDF whose anchor stands in a form that the page draws, moved and scaled."""

    def draw(pdf: pikepdf.Pdf) -> None:
        form = pdf.make_stream(
            draw_text(ANCHOR, at=(10, 10), font_size=12),
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, 300, 100]),
            Resources=pdf.pages[0].Resources,
        )
        pdf.pages[0].Resources.XObject = Dictionary(Letterhead=form)
        pdf.pages[0].Contents = pdf.make_stream(b"q 1.5 0 0 1.5 60 600 cm /Letterhead Do Q")

    return make_pdf(change=draw)


def installed_pdfs() -> Iterator[str]:
    """Yield the path of every PDF that came with Debian's packages or with the Python packages of the tests.

    Many are compressed, as Debian does with documents; a link to another one is none.
    """
    for folder in _FOLDERS:
        found = [path for ending in ("", ".gz") for path in folder.rglob(f"*.[pP][dD][fF]{ending}")]
        yield from sorted(str(path) for path in found if path.is_file() and not path.is_symlink())


def installed_pdf(path: str) -> bytes:
    """Return the content of an installed PDF."""
    content = Path(path).read_bytes()
    return gzip.decompress(content) if path.endswith(".gz") else content


def _later(build: Callable[..., bytes], *arguments: object, **options: object) -> Callable[[], bytes]:
    return lambda: build(*arguments, **options)
