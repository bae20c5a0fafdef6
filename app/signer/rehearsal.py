"""Tries out what will be done to a document in the end, before anybody is asked. Runs in the PDF child process."""

import io
from collections.abc import Sequence
from typing import Any

from pyhanko.sign.fields import SigFieldSpec, append_signature_field

from app.domain.errors import UnreadablePdf
from app.signer.seal_writer import UNSEALABLE, SealWriter
from app.signer.stamping import stamp


def rehearse(*, content: bytes, places: Sequence[dict[str, Any]], hide: Sequence[dict[str, Any]]) -> None:
    """Flatten, hide, draw something in every place, and add the field of a seal.

    Places and boxes to hide are those of `stamp`. Raises UnreadablePdf when any of it fails: when people have signed,
    it is too late for that.
    """
    marks = [{"kind": "check", **place} for place in places]
    stamped = stamp(content=content, marks=marks, hide=hide)["document"]
    try:
        writer = SealWriter(stamped)
        append_signature_field(writer, SigFieldSpec("Seal"))
        writer.write(io.BytesIO())  # type: ignore[no-untyped-call]  # pyHanko has no types here
    except UNSEALABLE as error:
        raise UnreadablePdf("The PDF cannot be sealed.") from error
