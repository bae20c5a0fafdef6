"""The page that asks for a one-time code, part of the signing pages.

Only a button sends a code: mail scanners follow links, but they press nothing.
"""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.signer.ceremony import CeremonyClosed, CeremonyView
from app.signer.codes import DIGITS, CodeRefused, Codes, TooManyCodes
from app.signer.languages import tell as _
from app.signer.page_guard import CONFIRMED_COOKIE, form_key
from app.signer.visit import client, dependencies, find_by_cookie, keep_link, page_path, require_own_form

code_pages = Blueprint("codes", __name__)

#: What a person enters is short; this is a small form.
MAX_FORM_BYTES = 4096


@code_pages.post("/ceremony/<recipient_id>/code/send")
def send_code(recipient_id: str) -> ResponseReturnValue:
    """Mail a code."""
    token, view = find_by_cookie(recipient_id)
    require_own_form(token)
    try:
        _codes().send(token, client())
    except TooManyCodes:
        wait = _("Please wait a little before you ask for another code.")
        return code_page(view, token, send_error=wait, status=429)
    except CeremonyClosed:
        pass  # The signing page says why.
    return redirect(page_path(view), 303)


@code_pages.post("/ceremony/<recipient_id>/code")
def confirm_code(recipient_id: str) -> ResponseReturnValue:
    """Take the code, and open the document in this browser."""
    request.max_form_memory_size = request.max_content_length = MAX_FORM_BYTES
    token, view = find_by_cookie(recipient_id)
    require_own_form(token)
    response = redirect(page_path(view), 303)
    try:
        confirmed = _codes().confirm(token, request.form.get("code", ""), client())
    except CodeRefused:
        _token, view = find_by_cookie(recipient_id)
        return code_page(view, token, error=_("This code is not right, or it does not work any more."), status=422)
    except CeremonyClosed:
        return response
    return keep_link(response, confirmed, view, cookie=CONFIRMED_COOKIE)


@code_pages.get("/ceremony/<recipient_id>/code")
@code_pages.get("/ceremony/<recipient_id>/code/send")
def return_to_page(recipient_id: str) -> ResponseReturnValue:
    """Lead back a browser that asks again for the address of a refused form."""
    _token, view = find_by_cookie(recipient_id)
    return redirect(page_path(view), 303)


def code_page(
    view: CeremonyView,
    token: str,
    *,
    error: str | None = None,
    send_error: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """Return the page on which a code is asked for and entered, with what is wrong beside the one or the other."""
    page = render_template(
        "code.html", view=view, form_key=form_key(token), digits=DIGITS, error=error, send_error=send_error
    )
    return page, status


def _codes() -> Codes:
    return dependencies().codes
