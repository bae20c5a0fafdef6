"""The API and the signing service, each served at an address that the other knows: both talk over real HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app.gateways.signing.client import SigningClient
from app.pdf.sandbox import Sandbox
from tests.callers import rewire
from tests.conftest import EVENT_SECRET
from tests.signer.service import API_KEY, Service, make_service


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        """Write nothing."""


@contextmanager
def listening() -> Iterator[BaseWSGIServer]:
    """Listen on a free port; what is to be served is told later."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def paired(app: Flask, folder: Path, sandbox: Sandbox, **overrides: Any) -> Iterator[Service]:
    """Give the API a real signing service with these settings, and that service the API's hook for its events."""
    with listening() as api_server, listening() as signer_server:
        signer_url = f"http://127.0.0.1:{signer_server.server_port}"
        settings = {
            "public_url": signer_url,
            "webhook_url": f"http://127.0.0.1:{api_server.server_port}/hooks/signing-provider",
            "webhook_secret": EVENT_SECRET,
        }
        service = make_service(folder, sandbox, **(settings | overrides))
        api_server.app, signer_server.app = app, service.app
        client = SigningClient(base_url=f"{signer_url}/signing-request-api", api_key=API_KEY)
        rewire(app, signing=client)
        yield service
        client.close()
        service.parts.database.engine.dispose()
