"""Builds PDFs: ordinary ones, odd ones and hostile ones."""

import io
import zlib
from collections.abc import Callable, Sequence
from functools import cache

import pikepdf
from pikepdf import Array, Dictionary, Name, String

A4 = (595.276, 841.89)


def script() -> Dictionary:
    """Return an action that runs JavaScript. (A function, as an object belongs to one document.)"""
    return Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))


def launch() -> Dictionary:
    """Return an action that starts a program."""
    return Dictionary(S=Name.Launch, F=String("cmd.exe"))


def make_pdf(
    *,
    pages: int = 1,
    text: str | Sequence[str] = "Contract",
    at: tuple[float, float] = (72, 720),
    font_size: float = 12,
    rotate: int = 0,
    size: tuple[float, float] = A4,
    crop: tuple[float, float, float, float] | None = None,
    media: tuple[float, float, float, float] | None = None,
    user_unit: float | None = None,
    inherit: bool = False,
    change: Callable[[pikepdf.Pdf], None] | None = None,
) -> bytes:
    """Build a PDF with `text` on every page (or one text per page), its baseline starting `at` in user space.

    `inherit` moves boxes and rotation from the pages to the page tree; `change` may alter anything before saving.
    """
    texts = [text] * pages if isinstance(text, str) else list(text)
    pdf = pikepdf.new()
    for line in texts:
        page = pdf.add_blank_page()
        page.Resources = Dictionary(Font=Dictionary(F1=_helvetica()))
        page.Contents = pdf.make_stream(draw_text(line, at=at, font_size=font_size))
        boxes: dict[str, object] = {"/MediaBox": Array(media or (0, 0, *size))}
        if crop:
            boxes["/CropBox"] = Array(crop)
        if rotate:
            boxes["/Rotate"] = rotate
        if inherit:
            del page.MediaBox
        for key, value in boxes.items():
            (pdf.Root.Pages if inherit else page.obj)[key] = value
        if user_unit:
            page.UserUnit = user_unit
    if change:
        change(pdf)
    return saved(pdf)


def draw_text(text: str, *, at: tuple[float, float], font_size: float) -> bytes:
    """Return the operators that write one line in Helvetica."""
    literal = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {font_size} Tf {at[0]} {at[1]} Td ({literal}) Tj ET\n".encode("cp1252")


def drawn_pdf(operators: bytes, *, size: tuple[float, float] = A4) -> bytes:
    """Build a PDF of one page with these operators; /F1 is Helvetica."""

    def draw(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].Contents = pdf.make_stream(operators)

    return make_pdf(size=size, change=draw)


def saved(pdf: pikepdf.Pdf, **options) -> bytes:
    """Return the bytes of a pikepdf document."""
    output = io.BytesIO()
    pdf.save(output, static_id=not options.get("encryption"), **options)
    return output.getvalue()


def _helvetica() -> Dictionary:
    return Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding)


# --- Protected, signed, interactive ----------------------------------------------------------------------------------


def encrypted_pdf(*, user: str = "secret") -> bytes:
    """Build an encrypted PDF; with `user=""` it opens without a password and only restricts what may be done."""
    pdf = pikepdf.open(io.BytesIO(make_pdf()))
    return saved(pdf, encryption=pikepdf.Encryption(owner="owner", user=user))


def signature_field_pdf(*, signed: bool, field_inherits: bool = False) -> bytes:
    """Build a PDF with a signature field; signed or still waiting, its type and value on a parent field or its own."""

    def add_field(pdf: pikepdf.Pdf) -> None:
        widget = Dictionary(Type=Name.Annot, Subtype=Name.Widget, Rect=Array((0, 0, 100, 50)))
        field = pdf.make_indirect(Dictionary(FT=Name.Sig, T=String("Signature1")))
        if signed:
            field.V = pdf.make_indirect(
                Dictionary(
                    Type=Name.Sig,
                    Filter=Name("/Adobe.PPKLite"),
                    ByteRange=Array((0, 10, 20, 10)),
                    Contents=String("0000"),
                )
            )
        if field_inherits:
            widget = pdf.make_indirect(widget)
            widget.Parent = field
            field.Kids = Array([widget])
        else:
            for key, value in widget.as_dict().items():
                field[key] = value
            widget = field
        pdf.pages[0].Annots = Array([widget])
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]), SigFlags=3 if signed else 1)

    return make_pdf(change=add_field)


def certified_pdf() -> bytes:
    """Build a PDF whose catalog names a certification signature."""
    return catalog_pdf(Perms=Dictionary(DocMDP=Dictionary(Type=Name.Sig)))


def xfa_pdf() -> bytes:
    """Build a PDF with an XFA form."""
    return catalog_pdf(AcroForm=Dictionary(Fields=Array(), XFA=Array([String("template"), String("<template/>")])))


def catalog_pdf(**entries: pikepdf.Object) -> bytes:
    """Build a PDF with these entries in its catalog."""

    def add(pdf: pikepdf.Pdf) -> None:
        for key, value in entries.items():
            pdf.Root[f"/{key}"] = value

    return make_pdf(change=add)


def page_pdf(**entries: pikepdf.Object) -> bytes:
    """Build a PDF with these entries in its first page."""

    def add(pdf: pikepdf.Pdf) -> None:
        for key, value in entries.items():
            pdf.pages[0].obj[f"/{key}"] = value

    return make_pdf(change=add)


def annotated_pdf(**entries: pikepdf.Object) -> bytes:
    """Build a PDF with one link annotation that has these entries."""
    link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array((0, 0, 100, 50)))
    for key, value in entries.items():
        link[f"/{key}"] = value
    return page_pdf(Annots=Array([link]))


# --- Broken ----------------------------------------------------------------------------------------------------------


def pageless_pdf() -> bytes:
    """Build a PDF without a page."""
    return saved(pikepdf.new())


def looping_page_tree_pdf() -> bytes:
    """Build a PDF whose page tree holds itself."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [2 0 R] >>",
    )


def nested_arrays_pdf(depth: int = 200_000) -> bytes:
    """Build a PDF with arrays in arrays in arrays in its catalog."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R /Deep " + b"[" * depth + b"]" * depth + b" >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
    )


def truncated_pdf() -> bytes:
    """Build a PDF that ends before its first page is described."""
    content = make_pdf()
    return content[: content.index(b"/MediaBox")]


def tailless_pdf() -> bytes:
    """Build a PDF whose cross-reference table is missing, but whose objects are all there: repairable."""
    content = make_pdf()
    return content[: content.index(b"startxref") - 40]


def raw_pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Write these objects, numbered from 1, as a PDF by hand; the first is the catalog."""
    output = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(output))
        output += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(output)
    output += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    output += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return output + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        trailer,
        start,
    )


# --- Too large -------------------------------------------------------------------------------------------------------


@cache
def zip_bomb_pdf() -> bytes:
    """Build a PDF of few kilobytes whose page content unpacks to a gigabyte."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>",
        _twice_deflated(1024),
    )


@cache
def zip_bomb_form_pdf() -> bytes:
    """Build a PDF that hides the gigabyte in a form that the page draws."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] /Resources << /XObject << /X 4 0 R >> >> >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 5 0 R >>",
        _twice_deflated(1024, b"/Type /XObject /Subtype /Form /BBox [0 0 1 1]"),
        b"<< /Length 5 >>\nstream\n/X Do\nendstream",
    )


def heavy_pdf(megabytes: int) -> bytes:
    """Build a PDF whose page content unpacks to so many megabytes of harmless operators."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>",
        _twice_deflated(megabytes),
    )


def _twice_deflated(megabytes: int, entries: bytes = b"") -> bytes:
    """Return a stream object of that many megabytes of spaces, deflated twice."""
    data = zlib.compress(_deflated_spaces(megabytes), 9)
    return b"<< /Length %d /Filter [/FlateDecode /FlateDecode] %s >>\nstream\n%s\nendstream" % (
        len(data),
        entries,
        data,
    )


def _deflated_spaces(megabytes: int) -> bytes:
    """Deflate one megabyte and repeat the result: quicker than to deflate them all."""
    megabyte = b" " * 1024 * 1024
    packer = zlib.compressobj(9)
    first = packer.compress(megabyte) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(megabyte) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush()[:-4]
    checksum = 1
    for _ in range(megabytes):
        checksum = zlib.adler32(megabyte, checksum)
    return first + again * (megabytes - 1) + end + checksum.to_bytes(4, "big")
