"""The page that describes the API, in a real browser: no internet, nothing refused, nothing blank."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

pytestmark = pytest.mark.browser


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture(params=[360, 1280], ids=["phone", "desk"])
def page(chromium: Browser, request) -> Iterator[Page]:
    """A page that may say nothing in the console, be it a mistake or a breach of the content security policy."""
    page = chromium.new_page(viewport={"width": request.param, "height": 800})
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def test_the_page_shows_every_operation_and_asks_no_other_host(address, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{address}/docs")
    page.locator(".opblock-summary").first.wait_for(timeout=20_000)

    document = page.request.get(f"{address}/openapi.json").json()
    operations = [each for item in document["paths"].values() for name, each in item.items() if name != "parameters"]
    assert page.locator(".opblock-summary").count() == len(operations) + len(document["webhooks"])
    assert page.get_by_text("Send a render out for signature").is_visible()
    assert all(url.startswith((address, "data:")) for url in asked)


def test_an_operation_opens_and_shows_its_answers(address, page):
    page.goto(f"{address}/docs")

    page.get_by_text("Send a render out for signature").click()

    page.get_by_text("signature_credits_exhausted").first.wait_for(timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
