"""Who is at a signing page: the link they came by, and whether a form is ours."""

from collections.abc import Mapping

from flask import abort, current_app, request, url_for
from werkzeug.exceptions import NotFound as NotFoundPage
from werkzeug.wrappers import Response as AnyResponse

from app.domain.errors import NotFound
from app.signer.ceremony import Ceremony, CeremonyClosed, CeremonyView, Client
from app.signer.ceremony_view import MAX_USER_AGENT
from app.signer.dependencies import Dependencies
from app.signer.languages import spoken
from app.signer.page_guard import CONFIRMED_COOKIE, LINK_COOKIE, may_post, remember_link
from app.signer.showing import ShownDocument


def find_view(token: str) -> CeremonyView:
    """Return what the link shows; 404 for one that was never made."""
    view = ceremony().find(token)
    if view is None:
        abort(404)
    return view


def find_by_cookie(recipient_id: str) -> tuple[str, CeremonyView]:
    """Return the link's token and what it shows; a link of somebody else is as good as none.

    A browser in which a code was confirmed has two links; the mailed one may have been opened again since.
    """
    found = ((token, ceremony().find(token)) for token in _tokens(request.cookies))
    visit = next(((token, view) for token, view in found if view and str(view.recipient_id) == recipient_id), None)
    if visit is None:
        abort(404)
    return visit


def find_document(recipient_id: str) -> ShownDocument:
    """Return the document that may be shown to this person; 404 when there is none, or not any more."""
    document = shown_document(recipient_id, request.cookies, ceremony())
    if document is None:
        raise NotFoundPage
    return document


def shown_document(recipient_id: str, cookies: Mapping[str, str], rules: Ceremony) -> ShownDocument | None:
    """Return the document that may be shown to this person in a browser with these cookies, if there is one."""
    for token in _tokens(cookies):
        try:
            document = rules.show(token)
        except (NotFound, CeremonyClosed):
            continue
        if str(document.recipient_id) == recipient_id:
            return document
    return None


def _tokens(cookies: Mapping[str, str]) -> list[str]:
    return [cookies[name] for name in (CONFIRMED_COOKIE, LINK_COOKIE) if name in cookies]


def keep_link(response: AnyResponse, token: str, view: CeremonyView, *, cookie: str = LINK_COOKIE) -> AnyResponse:
    """Give the browser the link's token for the pages of this person."""
    remember_link(response, token, path=page_path(view), secure=_public_url().startswith("https://"), cookie=cookie)
    return response


def page_path(view: CeremonyView) -> str:
    """Return the address of the person's signing page."""
    return url_for("pages.signing_page", recipient_id=view.recipient_id)


def require_own_form(token: str) -> None:
    """Refuse a form that is not ours: 403."""
    if not may_post(request, token, public_url=_public_url()):
        abort(403)


def client() -> Client:
    """Return where the request comes from."""
    user_agent = request.user_agent.string[:MAX_USER_AGENT]
    return Client(ip=request.remote_addr or "", user_agent=user_agent, language=spoken())


def ceremony() -> Ceremony:
    """Return the rules of signing."""
    return dependencies().ceremony


def dependencies() -> Dependencies:
    """Return the parts of the service."""
    parts: Dependencies = current_app.extensions["signer"]
    return parts


def _public_url() -> str:
    return dependencies().settings.public_url
