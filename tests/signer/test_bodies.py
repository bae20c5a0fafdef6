"""Bodies in chunks, which do not say how long they are, at a real server."""

import pytest
import requests

from app.signer.protocol import MAX_BODY_BYTES
from app.signer.uploads import MAX_BYTES
from tests.signer.fleet import running_fleet
from tests.signer.service import API_KEY, REQUESTS
from tests.soak.stack import free_ports

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def fleet(signer_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bodies")
    with (
        signer_template.copy(folder) as url,
        running_fleet(folder, *free_ports(1), database_url=url, WEB_CONCURRENCY="1") as fleet,
    ):
        yield fleet


def in_chunks(size):
    """Yield so many bytes of JSON."""
    yield b"{}".ljust(size - 1)
    yield b" "


@pytest.mark.parametrize("path", [f"{REQUESTS}/create-and-send", f"{REQUESTS}/{'0' * 32}/cancel"])
@pytest.mark.parametrize(("size", "is_refused"), [(MAX_BODY_BYTES, False), (MAX_BODY_BYTES + 1, True)])
def test_a_call_in_chunks_has_the_same_limit_to_the_byte(fleet, path, size, is_refused):
    answer = requests.post(fleet.url + path, data=in_chunks(size), headers={"Authorization": API_KEY}, timeout=30)

    assert (answer.status_code == 413) is is_refused
    assert (answer.json()["error"] == "Payload Too Large") is is_refused


def test_a_document_in_chunks_has_the_same_limit_to_the_byte(fleet):
    announced = {"file_name": "large.pdf", "file_size": MAX_BYTES, "content_type": "application/pdf"}
    place = fleet.call("POST", REQUESTS.replace("signing-requests", "documents"), json=announced).json()["upload_url"]

    refused, taken = (
        requests.put(place, data=in_chunks(size), headers={"Content-Type": "application/pdf"}, timeout=30)
        for size in (MAX_BYTES + 1, MAX_BYTES)
    )

    assert (refused.status_code, taken.status_code) == (413, 200)
