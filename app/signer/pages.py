"""What signers see: the page behind the mailed link, and the signing page behind that link's cookie.

Following a link changes nothing (mail scanners do it too); only the button on the landing page records a view.
"""

from functools import lru_cache
from pathlib import Path

from flask import (
    Blueprint,
    Response,
    abort,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import CombinedMultiDict, LanguageAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header

from app.domain.errors import NotFound
from app.domain.ports import Designation
from app.signer.ceremony import MAX_REASON, CeremonyClosed, CeremonyState, CeremonyView, InvalidAnswers
from app.signer.code_pages import code_page, code_pages
from app.signer.languages import Language, choose, moment, speak, spoken, translate, translate_plural
from app.signer.page_forms import FormData, Ink, earlier_form, entries, read_answers
from app.signer.page_guard import form_key, harden
from app.signer.page_shortcut import PICTURE_HEADERS, PICTURE_ROUTE
from app.signer.visit import (
    ceremony,
    client,
    find_by_cookie,
    find_document,
    find_view,
    keep_link,
    page_path,
    require_own_form,
)

FONTS = Path(__file__).parent / "fonts"
SCRIPT_FONT = "DancingScript-Regular.otf"
FONT_SECONDS = 86_400

#: One drawn signature and one set of initials (each under 400 kB as base64), and the texts of many fields.
MAX_FORM_BYTES = 4 * 1024 * 1024

#: How a page that only says how things stand is answered; other states are a plain 200.
STATUS_OF_STATE = {CeremonyState.EXPIRED: 410, CeremonyState.CANCELLED: 410}

pages = Blueprint("pages", __name__, template_folder="templates", static_folder="static", static_url_path="/assets")
pages.before_request(harden)
pages.register_blueprint(code_pages)


@pages.record_once
def teach_languages(state: BlueprintSetupState) -> None:
    """Let the templates translate."""
    jinja = state.app.jinja_env
    jinja.add_extension("jinja2.ext.i18n")
    jinja.install_gettext_callables(translate, translate_plural, newstyle=True)  # type: ignore[attr-defined]
    jinja.globals["language"] = spoken
    jinja.filters["moment"] = moment


@pages.before_request
def listen() -> None:
    """Answer in the language that the browser asks for, else in English."""
    speak(_language(request.headers.get("Accept-Language", "")))


@lru_cache(maxsize=256)  # Browsers send the same few headers again and again.
def _language(accept_language: str) -> Language:
    return choose(parse_accept_header(accept_language, LanguageAccept))


@pages.get("/signing/<token>")
def landing(token: str) -> ResponseReturnValue:
    """Say what the link is for. Changes nothing."""
    view = find_view(token)
    if view.state is not CeremonyState.READY:
        return _state_page(view)
    return render_template("landing.html", view=view, token=token, form_key=form_key(token))


@pages.post("/signing/<token>/open")
def open_document(token: str) -> ResponseReturnValue:
    """Record that a person opens the document, and leave the link behind for a cookie."""
    view = find_view(token)
    require_own_form(token)
    if view.state is CeremonyState.READY:
        view = ceremony().open(token, client())
    if view.state is not CeremonyState.READY:
        return _state_page(view, 409)
    return keep_link(redirect(page_path(view), 303), token, view)


@pages.get("/ceremony/<recipient_id>")
def signing_page(recipient_id: str) -> ResponseReturnValue:
    """Show the document with its fields, or how things stand."""
    token, view = find_by_cookie(recipient_id)
    if view.state is CeremonyState.READY and not view.code_step:
        return _form_page(view, token)
    return _how_things_stand(view, token)


@pages.get(PICTURE_ROUTE)
def page_image(recipient_id: str, number: int) -> ResponseReturnValue:
    """Return the picture of one page."""
    document = find_document(recipient_id)
    try:
        content = ceremony().page_image(document, number)
    except NotFound:
        abort(404)
    return Response(content, headers=PICTURE_HEADERS)


@pages.get("/ceremony/<recipient_id>/texts.json")
def document_texts(recipient_id: str) -> ResponseReturnValue:
    """Return what stands on the pages, for screen readers: their pictures say nothing."""
    return Response(ceremony().document_texts(find_document(recipient_id)), mimetype="application/json")


@pages.post("/ceremony/<recipient_id>/finish")
def finish(recipient_id: str) -> ResponseReturnValue:
    """Sign with what was entered, or show it again with what is wrong."""
    request.max_form_memory_size = request.max_content_length = MAX_FORM_BYTES
    token, view = find_by_cookie(recipient_id)
    require_own_form(token)
    consent = request.form.get("consent") == "yes"
    try:
        ceremony().finish(token, values=read_answers(view, request.form), consent=consent, client=client())
    except InvalidAnswers as invalid:
        return _form_page(view, token, form=request.form, errors=invalid), 422
    except CeremonyClosed:
        return _how_things_stand(find_view(token), token, 409)
    return _to_signing_page(recipient_id)


@pages.post("/ceremony/<recipient_id>/draft")
def keep_draft(recipient_id: str) -> ResponseReturnValue:
    """Keep what was entered so far; the page sends it along the way."""
    request.max_form_memory_size = request.max_content_length = MAX_FORM_BYTES
    token, view = find_by_cookie(recipient_id)
    require_own_form(token)
    try:
        ceremony().keep_draft(token, read_answers(view, request.form))
    except CeremonyClosed:
        abort(409)
    return "", 204


@pages.post("/ceremony/<recipient_id>/decline")
def decline(recipient_id: str) -> ResponseReturnValue:
    """Refuse to sign."""
    token, view = find_by_cookie(recipient_id)
    require_own_form(token)
    try:
        ceremony().decline(token, reason=request.form.get("reason", ""), client=client())
    except InvalidAnswers as invalid:
        form = CombinedMultiDict([request.form, earlier_form(view)])
        return _form_page(view, token, form=form, errors=invalid), 422
    except CeremonyClosed:
        return _how_things_stand(find_view(token), token, 409)
    return _to_signing_page(recipient_id)


@pages.get("/ceremony/<recipient_id>/finish")
@pages.get("/ceremony/<recipient_id>/decline")
def return_to_page(recipient_id: str) -> ResponseReturnValue:
    """Lead back a browser that asks again for the address of a refused form, as phones do with a tab left open."""
    return _to_signing_page(recipient_id)


@pages.get("/assets/fonts/script.otf")
def script_font() -> ResponseReturnValue:
    """Return the typeface of typed signatures, the same that is stamped on the document."""
    return send_from_directory(FONTS, SCRIPT_FONT, mimetype="font/otf", max_age=FONT_SECONDS)


@pages.errorhandler(HTTPException)
def explain(error: HTTPException) -> ResponseReturnValue:
    """Say kindly what went wrong; the page for a malformed link is the one for an unknown link."""
    return render_template("problem.html", status=error.code), error.code or 500


def _to_signing_page(recipient_id: str) -> ResponseReturnValue:
    return redirect(url_for("pages.signing_page", recipient_id=recipient_id), 303)


def _form_page(
    view: CeremonyView, token: str, *, form: FormData | None = None, errors: InvalidAnswers | None = None
) -> str:
    form = earlier_form(view) if form is None else form
    field_errors = errors.field_errors if errors else {}
    return render_template(
        "ceremony.html",
        view=view,
        entries=entries(view, form, field_errors),
        inks={ink: form.get(ink.input_name, "") for ink in Ink},
        consent=form.get("consent") == "yes",
        reason=form.get("reason", ""),
        reason_error=field_errors.get("reason"),
        max_reason=MAX_REASON,
        form_errors=errors.form_errors if errors else [],
        form_key=form_key(token),
        approves=_approves(view),
    )


def _how_things_stand(view: CeremonyView, token: str, status: int | None = None) -> ResponseReturnValue:
    """Ask for the code that is missing, or say why nothing can be done now."""
    if view.state is CeremonyState.READY and view.code_step:
        return code_page(view, token, status=status or 200)
    return _state_page(view, status)


def _state_page(view: CeremonyView, status: int | None = None) -> ResponseReturnValue:
    return render_template("state.html", view=view, approves=_approves(view)), (
        status or STATUS_OF_STATE.get(view.state, 200)
    )


def _approves(view: CeremonyView) -> bool:
    return view.designation == Designation.APPROVER
