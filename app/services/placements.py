"""Placing fields on a document: what only the PDF can tell about a submission."""

from uuid import UUID

from app.domain.errors import InvalidRequest, UnreadablePdf
from app.domain.ports import EnvelopeAnchor, EnvelopeDraft, PageSize, PdfInspector
from app.domain.submission import Submission


def prepare(
    submission: Submission,
    *,
    reference: UUID,
    document: bytes,
    pages: tuple[PageSize, ...],
    inspector: PdfInspector,
) -> EnvelopeDraft:
    """Return the draft to be sent.

    Raises InvalidRequest for a page beyond the document, and for an anchor that is nowhere in it and may not be
    ignored.
    """
    errors: dict[str, list[str]] = {}
    for index, field in enumerate(submission.fields):
        if field.page > len(pages):
            errors[f"fields.{index}.page"] = [f"The document has only {_count(len(pages), 'page')}."]
    anchors = _locate(submission, document=document, inspector=inspector)
    for index, anchor in enumerate(anchors):
        if not anchor.matches and not anchor.ignore_if_not_present:
            errors[f"anchorTags.{index}.anchorString"] = ["This text is not in the document."]
    if errors:
        raise InvalidRequest("The request does not fit the document.", field_errors=errors)
    return EnvelopeDraft(
        reference=reference,
        name=submission.name,
        document=document,
        pages=pages,
        recipients=submission.recipients,
        fields=submission.fields,
        anchors=anchors,
        expiration_hours=submission.expiration_hours,
        require_code=submission.require_code,
    )


def _locate(submission: Submission, *, document: bytes, inspector: PdfInspector) -> tuple[EnvelopeAnchor, ...]:
    if not submission.anchors:
        return ()
    texts = list(dict.fromkeys(anchor.text for anchor in submission.anchors))
    try:
        found = inspector.locate(document, texts)
    except UnreadablePdf as error:
        raise InvalidRequest(error.message, form_errors=[error.message]) from error
    return tuple(
        EnvelopeAnchor(
            recipient_index=anchor.recipient_index,
            type=anchor.type,
            text=anchor.text,
            matches=found.get(anchor.text, ()),
            width=anchor.width,
            height=anchor.height,
            required=anchor.required,
            ignore_if_not_present=anchor.ignore_if_not_present,
        )
        for anchor in submission.anchors
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
