"""Opens a hostile PDF: qpdf reads and repairs it, PDFium only ever sees what qpdf wrote. Child process only.

Two readers that each repair a broken file in their own way may see two documents; this way there is one.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pikepdf
import pypdfium2
from pikepdf import settings

from app.domain.errors import UnreadablePdf

#: What one stream may unpack to. PDFium aborts on a gigabyte, and needs 20 times the memory of a page's content.
MAX_DECODED_BYTES = 32 * 1024 * 1024

ENCRYPTED = "The PDF is encrypted; remove its protection first."
UNREADABLE = "The PDF is damaged and cannot be read."

settings.set_qpdf_limits(flate_max_memory=MAX_DECODED_BYTES, run_length_max_memory=MAX_DECODED_BYTES)


@contextmanager
def opened(content: bytes, *, only_to_read: bool = False) -> Iterator[pikepdf.Pdf]:
    """Open with qpdf; whatever qpdf cannot read, now or later in the block, raises UnreadablePdf.

    So does any encryption, unless the document is `only_to_read` and opens without a password.
    """
    try:
        with _open(content) as pdf:
            if pdf.is_encrypted and not only_to_read:
                raise UnreadablePdf(ENCRYPTED)
            yield pdf
    except pikepdf.PasswordError as error:
        raise UnreadablePdf(ENCRYPTED) from error
    except pikepdf.PikepdfError as error:
        # A protection that qpdf does not know (public keys, say) is no different for the user.
        raise UnreadablePdf(ENCRYPTED if b"/Encrypt" in content else UNREADABLE) from error


def _open(content: bytes) -> pikepdf.Pdf:
    try:
        return pikepdf.open(io.BytesIO(content))
    except ValueError as error:  # A number beyond 64 bits in the file's own tables.
        raise UnreadablePdf(UNREADABLE) from error


def normalised(pdf: pikepdf.Pdf) -> bytes:
    """Return the document as qpdf understands it: every reachable object, in the clear, streams as they were."""
    output = io.BytesIO()
    pdf.save(
        output,
        compress_streams=False,
        fix_metadata_version=False,
        object_stream_mode=pikepdf.ObjectStreamMode.disable,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
    )
    return output.getvalue()


@contextmanager
def displayed(content: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """Open normalised bytes with PDFium; UnreadablePdf if it cannot, now or later in the block."""
    try:
        document = pypdfium2.PdfDocument(content)
        try:
            yield document
        finally:
            document.close()
    except pypdfium2.PdfiumError as error:
        raise UnreadablePdf(UNREADABLE) from error
