"""Opens a stamped document for its last change, the seal."""

import io

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import SigningError

#: What pyHanko raises for a document that it cannot read or add to; the last four where an object is not what it should
#: be.
UNSEALABLE = (PdfError, SigningError, RecursionError, LookupError, TypeError, ValueError, AttributeError)


class SealWriter(IncrementalPdfFileWriter):
    """Adds to a document without touching its metadata.

    pyHanko would parse and rewrite them. They are not ours, and what people have there is often out of shape.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), strict=True)

    def _update_meta(self) -> None:
        """Leave the metadata as they are."""
