"""The receivers that the README shows: they take what is ours, and nothing else."""

import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from app.domain import clock
from app.domain.ids import new_id
from app.domain.ports import WebhookRequest
from app.domain.webhook_secrets import new_secret
from app.gateways.webhooks.guard import PublicAddressGuard
from app.gateways.webhooks.sender import HttpWebhookSender

HERE = Path(__file__).parent
RECEIVERS = ("standard.py", "craftkit.py")
BODY = '{"event":"signature.signed","signatureRequestId":"0193c2c3-2222-7aaa-8bbb-000000000002","name":"é"}'.encode()


@contextmanager
def serving(name: str) -> Iterator[str]:
    """Run a receiver as it stands; yield its address."""
    app = runpy.run_path(str(HERE / name))["app"]
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks/countersign"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=RECEIVERS)
def receiver(request, monkeypatch):
    """A running receiver, and a delivery that it has to take."""
    secret = new_secret()
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    with serving(request.param) as url:
        yield WebhookRequest(
            url=url,
            event="signature.signed",
            delivery_id=new_id(),
            body=BODY,
            secrets=(secret,),
            sent_at=clock.utcnow(),
        )


def send(delivery):
    return HttpWebhookSender(guard=PublicAddressGuard(allow_insecure=True)).send(delivery).status


def test_a_delivery_of_ours_is_taken(receiver, capsys):
    assert send(receiver) == 204
    assert f"{receiver.delivery_id} signature.signed" in capsys.readouterr().out


def test_a_delivery_is_taken_while_the_secret_is_rotated(receiver):
    assert send(replace(receiver, secrets=(new_secret(), *receiver.secrets))) == 204


def test_a_delivery_of_somebody_else_is_refused(receiver):
    assert send(replace(receiver, secrets=(new_secret(),))) == 401


@pytest.mark.parametrize("name", RECEIVERS)
def test_a_receiver_is_short(name):
    lines = [line for line in (HERE / name).read_text().splitlines() if line.strip()]

    assert len(lines) <= 15


@pytest.mark.parametrize("name", RECEIVERS)
def test_the_readme_shows_the_receiver_as_it_is_run(name):
    readme = (HERE.parents[1] / "README.md").read_text()

    assert f"```python\n{(HERE / name).read_text()}```" in readme
