"""`/openapi.json` and `/docs`: the description for programs and for people. Neither needs a key or the internet."""

from importlib.metadata import version
from pathlib import Path
from typing import cast

from flask import Blueprint, Flask, Response, current_app, request, send_from_directory

from app.api.deps import EXTENSION as DEPENDENCIES
from app.api.openapi.document import Description, Resources

EXTENSION = "countersign-description"

STATIC = Path(__file__).parent.parent / "static"

#: The names of what others have published hold its version.
A_YEAR = 365 * 24 * 60 * 60

#: The page runs our own files only, and talks to nobody but this server.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}

blueprint = Blueprint("description", __name__)


def register_description(app: Flask, resources: Resources) -> None:
    """Serve the description of these resources, made when it is first asked for."""
    public_url = app.extensions[DEPENDENCIES].settings.public_url
    app.extensions[EXTENSION] = Description(resources, public_url, version("countersign"))
    app.register_blueprint(blueprint)


@blueprint.get("/openapi.json")
def show_description() -> Response:
    """Answer with the OpenAPI document."""
    response = Response(cast("Description", current_app.extensions[EXTENSION]).body, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return cast("Response", response.make_conditional(request))


@blueprint.get("/docs")
def show_page() -> Response:
    """Answer with the page for people."""
    response = send_from_directory(STATIC, "docs.html")
    response.headers.update(PAGE_HEADERS)
    return response


@blueprint.get("/docs/<path:name>")
def show_file(name: str) -> Response:
    """Answer with a file of the page."""
    return send_from_directory(STATIC, name, max_age=A_YEAR if name.startswith("vendor/") else None)
