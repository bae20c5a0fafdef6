"""The bundled signing service: its own WSGI application, tables and storage, reached over HTTP only."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.signer.factory import create_signer

__all__ = ["create_signer"]


def __getattr__(name: str) -> Any:
    """Resolve `create_signer` on first use: the PDF child process imports this package too and needs no Flask."""
    if name == "create_signer":
        from app.signer.factory import create_signer  # noqa: PLC0415 (the reason is the docstring)

        return create_signer
    raise AttributeError(name)
