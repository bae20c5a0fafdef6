"""A ceremony of one envelope that is only remembered: what the pages need, without a database or a PDF."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from app.domain.errors import NotFound
from app.domain.ports import PageSize
from app.signer.ceremony import (
    CeremonyClosed,
    CeremonyField,
    CeremonyState,
    CeremonyView,
    Client,
    InvalidAnswers,
)
from app.signer.showing import ShownDocument

TOKEN = "token-of-jane"
OTHER_TOKEN = "token-of-john"
JANE = UUID("01990000-0000-7000-8000-000000000001")
JOHN = UUID("01990000-0000-7000-8000-000000000002")
PNG = b"\x89PNG\r\n\x1a\n of a page"


def make_field(id_: str = "f1", type_: str = "text", **overrides: object) -> CeremonyField:
    place: dict[str, object] = {"page": 1, "x": 10.0, "y": 10.0, "width": 20.0, "height": 4.0}
    return CeremonyField(
        **({"id": id_, "type": type_, "required": True, "options": (), "group": None} | place | overrides)
    )


def make_view(**overrides: object) -> CeremonyView:
    values: dict[str, object] = {
        "envelope_id": UUID(int=9),
        "recipient_id": JANE,
        "document_name": "Services Agreement",
        "recipient_name": "Jane Doe",
        "recipient_email": "jane@example.com",
        "designation": "Signer",
        "state": CeremonyState.READY,
        "opened": False,
        "pages": (PageSize(width=612, height=792), PageSize(width=612, height=792)),
        "fields": (make_field(),),
        "consent_text": "I agree.",
        "expires_at": datetime(2026, 12, 24, 18, 30, tzinfo=UTC),
    }
    return CeremonyView(**(values | overrides))


@dataclass
class CeremonyInMemory:
    """Answers like the real one, and keeps what it was told in `calls`."""

    views: dict[str, CeremonyView]
    refusal: InvalidAnswers | None = None
    closing: CeremonyState | None = None
    calls: list[tuple[str, object]] = field(default_factory=list)

    def find(self, token: str) -> CeremonyView | None:
        return self.views.get(token)

    def open(self, token: str, client: Client) -> CeremonyView:
        self.calls.append(("open", client))
        return self._move(token, self.closing or CeremonyState.READY, opened=True)

    def finish(self, token: str, *, values: Mapping[str, str], consent: bool, client: Client) -> CeremonyView:
        self._check(token)
        self.calls.append(("finish", (dict(values), consent, client)))
        return self._move(token, CeremonyState.SIGNED)

    def keep_draft(self, token: str, values: Mapping[str, str]) -> None:
        self._check(token)
        self.calls.append(("keep_draft", dict(values)))

    def decline(self, token: str, *, reason: str, client: Client) -> CeremonyView:
        self._check(token)
        self.calls.append(("decline", (reason, client)))
        return self._move(token, CeremonyState.DECLINED)

    def show(self, token: str) -> ShownDocument:
        self._check(token)
        view = self.views.get(token)
        if view is None:
            raise NotFound("There is no such link.")
        return ShownDocument(recipient_id=view.recipient_id, sha256="0" * 64, key="d.pdf", page_count=len(view.pages))

    def page_image(self, document: ShownDocument, page: int) -> bytes:
        if not 1 <= page <= document.page_count:
            raise NotFound("There is no such page.")
        return PNG + bytes([page])

    def document_texts(self, document: ShownDocument) -> bytes:
        return json.dumps(["First page", "", *[""] * document.page_count][: document.page_count]).encode()

    def _check(self, token: str) -> None:
        if self.refusal:
            raise self.refusal
        if self.closing:
            self._move(token, self.closing)
            raise CeremonyClosed(self.closing)

    def _move(self, token: str, state: CeremonyState, **changes: object) -> CeremonyView:
        self.views[token] = replace(self.views[token], state=state, **changes)
        return self.views[token]
