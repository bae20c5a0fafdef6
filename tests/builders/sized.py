"""Builds PDFs of exactly so many bytes."""

from tests.builders.pdfs import make_pdf


def padded_pdf(size: int) -> bytes:
    """Build a one-page PDF of that many bytes: a comment fills it, before what ends the file."""
    content = make_pdf()
    head, tail = content[: content.rindex(b"startxref")], content[content.rindex(b"startxref") :]
    return head + b"%" + b" " * (size - len(content) - 2) + b"\n" + tail
