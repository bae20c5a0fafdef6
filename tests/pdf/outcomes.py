"""Reads many documents in one child process and says how each one fared."""

from app.domain.errors import UnreadablePdf
from app.pdf.inspect import inspect
from app.pdf.text import locate


def outcomes(contents: list[bytes]) -> list[str]:
    """Inspect and search each document; say "fine", "refused" or what else happened."""
    return [outcome(content) for content in contents]


def outcome(content: bytes) -> str:
    try:
        inspect(content)
        locate(content, ["Contract"])
    except UnreadablePdf:
        return "refused"
    except Exception as error:  # noqa: BLE001 (the kind of error is the outcome)
        return type(error).__name__
    return "fine"
