"""What the finished files say: of time-stamps that came and that did not, of an own certificate, of addresses."""

import functools

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from app.signer.page_guard import form_key
from app.signer.seal_key import UnusableCertificate
from app.signer.verification import verify
from tests.builders.ink import page_text
from tests.builders.seals import NOW, PASSPHRASE, make_p12, make_timestamper, stamping, timestamp_server
from tests.signer.service import REQUESTS


@pytest.fixture(autouse=True)
def _now(time):
    time.now = NOW


def finished(service):
    """Send, sign and seal; return the sealed document and the certificate of completion."""
    service.send()
    service.sign()
    envelope_id = service.call("GET", REQUESTS).json["results"][0]["id"]
    detail = service.detail(envelope_id)
    return tuple(service.fetch(detail[f"{name}_download_url"]).data for name in ("final_document", "certificate_only"))


def text(content):
    return " ".join(page_text(content).split())


def trusted(service):
    return x509.load_pem_x509_certificate(service.settings.certificate.with_suffix(".pem").read_bytes())


@functools.cache
def timestamper():
    return make_timestamper()


def test_a_time_stamp_is_in_both_seals_and_named_on_the_certificate(start_service):
    with timestamp_server(lambda _, request: (200, stamping(request, timestamper()))) as (url, requests):
        service = start_service(tsa_url=url)
        document, certificate = finished(service)
    for file in (document, certificate):
        verdict = verify(file, trusted=trusted(service))
        assert verdict.ok, verdict.sentences()
        assert verdict.timestamped
    assert "independent time-stamping authority" in text(certificate)
    assert len(requests) >= 2


def test_an_authority_that_fails_once_is_asked_again(start_service):
    def stumbling(number, request):
        return (500, b"") if number == 1 else (200, stamping(request, timestamper()))

    with timestamp_server(stumbling) as (url, _):
        service = start_service(tsa_url=url)
        document, certificate = finished(service)
    assert verify(document, trusted=trusted(service)).timestamped
    assert "independent time-stamping authority" in text(certificate)


@pytest.mark.parametrize("answer", [(500, b""), (200, b"nonsense")])
def test_an_authority_that_fails_costs_the_time_stamp_and_the_certificate_says_so(start_service, answer):
    with timestamp_server(lambda *_: answer) as (url, requests):
        service = start_service(tsa_url=url)
        document, certificate = finished(service)
    verdict = verify(document, trusted=trusted(service))
    assert verdict.ok
    assert not verdict.timestamped
    assert "None: the time-stamping authority did not answer." in text(certificate)
    assert len(requests) >= 2


def test_without_an_authority_the_certificate_says_that_there_is_no_time_stamp(service):
    _, certificate = finished(service)
    assert "None. Times are those of the signing service." in text(certificate)


def test_an_own_certificate_with_a_passphrase_seals(start_service, tmp_path):
    path = make_p12(tmp_path / "own.p12", passphrase=PASSPHRASE, issued_by_authority=True)
    service = start_service(certificate=path, certificate_passphrase=PASSPHRASE)
    document, _ = finished(service)
    own = pkcs12.load_key_and_certificates(path.read_bytes(), PASSPHRASE.encode())[1]
    assert trusted(service) == own
    assert verify(document, trusted=own).ok


def test_a_wrong_passphrase_stops_the_start(start_service, tmp_path):
    path = make_p12(tmp_path / "own.p12", passphrase=PASSPHRASE)
    with pytest.raises(UnusableCertificate, match="passphrase"):
        start_service(certificate=path, certificate_passphrase="another")


def test_a_certificate_that_is_made_at_the_start_gets_the_passphrase(start_service):
    service = start_service(certificate_passphrase=PASSPHRASE)
    content = service.settings.certificate.read_bytes()
    with pytest.raises(ValueError):
        pkcs12.load_key_and_certificates(content, None)
    assert pkcs12.load_key_and_certificates(content, PASSPHRASE.encode())[1] == trusted(service)


class TestAddresses:
    def opened_from(self, service, **headers):
        """Open the document over HTTP; return the address that the trail holds."""
        envelope_id = service.send()
        token = service.token()
        path = f"/signing/{token}/open"
        answer = service.app.test_client().post(path, data={"form_key": form_key(token)}, headers=headers)
        assert answer.status_code == 303
        entries = service.get(envelope_id, "audit").json["results"]
        return next(entry["ip_address"] for entry in entries if entry["event"] == "document_opened")

    def test_a_made_up_address_is_not_believed(self, service):
        assert self.opened_from(service, **{"X-Forwarded-For": "198.51.100.7"}) == "127.0.0.1"

    def test_the_address_that_a_trusted_proxy_names_is_in_the_trail(self, start_service):
        service = start_service(trusted_proxies=("127.0.0.1",))
        header = "203.0.113.9, 198.51.100.7"
        assert self.opened_from(service, **{"X-Forwarded-For": header}) == "198.51.100.7"

    def test_the_sender_s_address_goes_through_proxies_too(self, start_service):
        service = start_service(trusted_proxies=("127.0.0.0/8",))
        envelope_id = service.send()
        service.call("POST", f"{REQUESTS}/{envelope_id}/cancel", headers={"X-Forwarded-For": "198.51.100.7"})
        assert service.get(envelope_id, "audit").json["results"][-1]["ip_address"] == "198.51.100.7"
