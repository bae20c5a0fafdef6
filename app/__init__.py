"""Countersign: send PDFs out for signature and follow them until they are signed."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.factory import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Resolve `create_app` on first use.

    The PDF child process and the bundled signing service import this package too; neither should pay for the API.
    """
    if name == "create_app":
        from app.factory import create_app  # noqa: PLC0415 (the reason is the docstring)

        return create_app
    raise AttributeError(name)
