"""Reads what stands on the pages, for those who cannot see them. Child process only."""

from app.pdf.documents import displayed, normalised, opened

#: Characters of one page that are read: far more than print holds, so only for a page made to fill the memory.
MAX_CHARACTERS = 50_000


def read(content: bytes) -> list[str]:
    """Return the text of each page in the document's own order, empty for a page that is only a picture."""
    with opened(content) as pdf:
        clear = normalised(pdf)
    texts = []
    with displayed(clear) as document:
        for index in range(len(document)):
            page = document[index]
            letters = page.get_textpage()
            texts.append(_clean(letters.get_text_bounded())[:MAX_CHARACTERS])
            letters.close()
            page.close()
    return texts


def _clean(text: str) -> str:
    """Join what PDFium marks as hyphenated, and keep one line end between lines."""
    joined = text.replace("\x02\r\n", "").replace("\ufffe\r\n", "").replace("\x02", "-").replace("\ufffe", "-")
    return "\n".join(line.strip() for line in joined.splitlines() if line.strip())
