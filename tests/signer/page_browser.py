"""A browser at the signing pages, over a ceremony that is only remembered."""

from types import SimpleNamespace

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.security_headers import add_security_headers
from app.signer.ceremony import CeremonyView
from app.signer.page_guard import form_key
from app.signer.pages import pages
from tests.signer.ceremony_in_memory import JANE, JOHN, OTHER_TOKEN, TOKEN, CeremonyInMemory, make_view

PAGE = f"/ceremony/{JANE}"
PUBLIC_URL = "https://sign.example.com"


def make_ceremony(view: CeremonyView | None = None, **behaviour: object) -> CeremonyInMemory:
    john = make_view(recipient_id=JOHN, recipient_name="John Roe", recipient_email="john@example.com")
    return CeremonyInMemory(views={TOKEN: view or make_view(), OTHER_TOKEN: john}, **behaviour)


def make_browser(ceremony: CeremonyInMemory, *, public_url: str = PUBLIC_URL) -> FlaskClient:
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(pages)
    add_security_headers(app, public_url=public_url)
    app.extensions["signer"] = SimpleNamespace(ceremony=ceremony, settings=SimpleNamespace(public_url=public_url))
    return app.test_client()


def open_link(browser: FlaskClient, token: str = TOKEN, **options: object) -> TestResponse:
    return browser.post(f"/signing/{token}/open", data={"form_key": form_key(token)}, base_url=PUBLIC_URL, **options)


def get(browser: FlaskClient, path: str) -> TestResponse:
    return browser.get(path, base_url=PUBLIC_URL)


def post(browser: FlaskClient, action: str, /, **options: object) -> TestResponse:
    form = {"form_key": form_key(TOKEN)} | options.pop("data", {})
    return browser.post(f"{PAGE}/{action}", data=form, base_url=PUBLIC_URL, **options)


def signing_browser(ceremony: CeremonyInMemory) -> FlaskClient:
    browser = make_browser(ceremony)
    assert open_link(browser).status_code == 303
    ceremony.calls.clear()
    return browser
