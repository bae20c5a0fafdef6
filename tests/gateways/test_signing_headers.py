"""Who we say we are to the signing service."""

import pytest
import structlog

from tests.gateways.envelopes import API_KEY, CREATE_URL, created_json, make_client, make_draft


def test_every_call_carries_the_key_and_the_version(requests_mock):
    call = requests_mock.post(CREATE_URL, status_code=201, json=created_json())

    make_client().create_and_send(make_draft())

    assert call.last_request.headers["Authorization"] == f"Bearer {API_KEY}"
    assert call.last_request.headers["X-API-Version"] == "1"
    assert call.last_request.timeout == (5, 60)


def test_our_request_id_travels_along(requests_mock):
    call = requests_mock.post(CREATE_URL, status_code=201, json=created_json())

    with structlog.contextvars.bound_contextvars(request_id="req-1"):
        make_client().create_and_send(make_draft())

    assert call.last_request.headers["X-Request-Id"] == "req-1"


def test_a_netrc_does_not_replace_the_key(requests_mock, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine signing.invalid login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    call = requests_mock.post(CREATE_URL, status_code=201, json=created_json())

    make_client().create_and_send(make_draft())

    assert call.last_request.headers["Authorization"] == f"Bearer {API_KEY}"


@pytest.mark.parametrize("url", ["", "signing.invalid", "ftp://signing.invalid", "https://"])
def test_a_base_url_that_cannot_work_is_refused(url):
    with pytest.raises(ValueError, match="http or https"):
        make_client(base_url=url)


@pytest.mark.parametrize("key", ["", "two words", "line\n", "kéy"])
def test_a_key_that_fits_no_header_is_refused(key):
    with pytest.raises(ValueError, match="visible ASCII"):
        make_client(api_key=key)
