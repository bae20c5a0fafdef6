"""Webhooks never go into our own network, however the address is written."""

import socket
import threading
from ipaddress import IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import ForbiddenAddress
from app.gateways.webhooks.addresses import is_public, look_up
from app.gateways.webhooks.guard import PublicAddressGuard

PUBLIC = "93.184.215.14"
#: Global by the registry, but kept for protocols: nobody's receiver is there.
KEPT_FOR_PROTOCOLS = [IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24")]


def make_guard(*resolved, **overrides):
    """Build a guard for whom every name has these addresses."""
    return PublicAddressGuard(**{"resolve": lambda _host, _seconds: resolved or (PUBLIC,), **overrides})


def refusal(guard, url):
    with pytest.raises(ForbiddenAddress) as refused:
        guard.check(url)
    return refused.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example",
        "https://receiver.example/hook?a=b#c",
        "HTTPS://Receiver.Example.:8443/hook",
        "https://bücher.example/hook",
        "https://a_service.example/",
        "https://3com.example/",
        f"https://{PUBLIC}/",
        "https://[2606:4700::1111]:8443/hook",
    ],
)
def test_a_public_https_url_may_be_saved(url):
    make_guard().check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "ftp://receiver.example/",
        "file:///etc/passwd",
        "gopher://receiver.example/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "unix:/run/docker.sock",
        "ws://receiver.example/",
        "//receiver.example/",
        "receiver.example/hook",
        "/hook",
        "",
    ],
)
def test_every_scheme_but_https_is_refused(url):
    assert refusal(make_guard(), url) == "The URL must begin with https://."


@pytest.mark.parametrize(
    "url", ["https://user:pass@receiver.example/", "https://user@receiver.example/", "https://:p@a.example"]
)
def test_credentials_in_a_url_are_refused(url):
    assert refusal(make_guard(), url) == "The URL must not carry a user name or a password."


@pytest.mark.parametrize(
    "host",
    [
        "",
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "127.0.0.01",
        "1.2.3.4.5",
        "0",
        "0x",
        "receiver.example.99",
        "-a.example",
        "a..example",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "127%2e0.0.1",
        "[fe80::1%25eth0]",
        "[::1]x",
        "\uff11\uff12\uff17.0.0.1",
        "\u24db\u24de\u24d2\u24d0\u24dbhost",
        "receiver.example\\@127.0.0.1",
        "receiver example",
    ],
)
def test_a_host_in_disguise_is_refused(host):
    guard = make_guard()

    message = refusal(guard, f"https://{host}/hook")

    assert message in {
        "The URL is not valid.",
        "The URL's host is not a valid name or address.",
        "The URL leads to an address that is not a public one.",
    }


@pytest.mark.parametrize(
    "url", ["https://a.example:0/", "https://a.example:65536/", "https://a.example:x/", "https://a.example:-1"]
)
def test_a_port_that_does_not_exist_is_refused(url):
    assert "port" in refusal(make_guard(), url) or refusal(make_guard(), url) == "The URL is not valid."


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/\r\nx: y",
        "https://a.example/a b",
        "https://a.example/\x00",
        "https://a.example/\ud800",
        " https://a.example",
    ],
)
def test_spaces_control_characters_and_half_characters_are_refused(url):
    refusal(make_guard(), url)


def test_an_endless_url_is_refused():
    assert "2048" in refusal(make_guard(), "https://receiver.example/" + "a" * 2048)


INTERNAL = [
    "0.0.0.0",  # noqa: S104 (refused, not bound to)
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2002:7f00:1::",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INTERNAL)
def test_an_internal_address_is_refused(address):
    url = f"https://[{address}]/" if ":" in address else f"https://{address}/"

    assert refusal(make_guard(), url) == "The URL leads to an address that is not a public one."


@pytest.mark.parametrize("address", INTERNAL)
def test_a_name_that_leads_to_an_internal_address_is_refused(address):
    assert "not a public one" in refusal(make_guard(address), "https://receiver.example/")


def test_one_internal_answer_among_public_ones_is_enough():
    assert "not a public one" in refusal(make_guard(PUBLIC, "10.0.0.1"), "https://receiver.example/")


def test_a_refusal_does_not_tell_the_address():
    assert "10.0.0.1" not in refusal(make_guard("10.0.0.1"), "https://receiver.example/")


def test_a_name_that_cannot_be_resolved_is_refused():
    def resolve(_host, _seconds):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert refusal(make_guard(resolve=resolve), "https://receiver.example/") == "The URL's host cannot be resolved."


def test_a_name_without_addresses_is_refused():
    guard = make_guard(resolve=lambda _host, _seconds: ())

    assert refusal(guard, "https://receiver.example/") == "The URL's host cannot be resolved."


def test_the_operators_networks_are_allowed():
    guard = make_guard("10.1.2.3", allowed_networks=["10.1.0.0/16", "fd00::/8"])

    guard.check("https://receiver.internal/")
    guard.check("https://[fd00::1]/")


def test_an_allowed_network_does_not_open_its_neighbours():
    assert "not a public" in refusal(make_guard("10.2.0.1", allowed_networks=["10.1.0.0/16"]), "https://a.internal/")


def test_an_allowed_network_does_not_allow_plain_http():
    assert "https://" in refusal(make_guard("10.1.2.3", allowed_networks=["10.0.0.0/8"]), "http://receiver.internal/")


@pytest.mark.parametrize("network", ["10.1.2.3/8", "receiver.internal", ""])
def test_a_network_that_is_none_is_refused(network):
    with pytest.raises(ValueError):
        PublicAddressGuard(allowed_networks=[network])


def test_for_development_plain_http_and_loopback_are_allowed():
    guard = make_guard("127.0.0.1", allow_insecure=True)

    guard.check("http://localhost:5001/hook")
    guard.check("http://[::1]/hook")


def test_even_for_development_other_schemes_are_refused():
    assert refusal(make_guard(allow_insecure=True), "ftp://a.example") == "The URL must begin with https:// or http://."


def test_a_url_is_taken_apart_once():
    destination = make_guard().destination("https://Receiver.Example./a/../hook?x=1#top")

    assert (destination.host, destination.port, destination.target) == ("receiver.example", 443, "/hook?x=1")


@given(st.ip_addresses(v=4))
def test_what_python_calls_internal_is_not_public(address):
    public = is_public(address)

    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not public
    elif not any(address in network for network in KEPT_FOR_PROTOCOLS):
        assert public


@given(st.ip_addresses(v=6))
def test_what_python_calls_internal_is_not_public_in_version_6(address):
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_site_local:
        assert not is_public(address)


@given(st.ip_addresses(v=6, network="2600::/12"))
def test_addresses_of_providers_are_public_in_version_6(address):
    assert is_public(address)


@given(st.ip_addresses(v=4), st.integers(0, 2**32 - 1))
def test_an_address_inside_an_address_is_never_public(inner, noise):
    number = int(inner)
    teredo = IPv6Address(0x20010000 << 96 | noise << 64 | number ^ 0xFFFFFFFF)
    six_to_four = IPv6Address(0x2002 << 112 | number << 80 | noise)
    assert teredo.teredo is not None
    assert teredo.teredo[1] == six_to_four.sixtofour == inner
    nat64 = IPv6Address(int(IPv6Address("64:ff9b::")) + number)
    mapped = IPv6Address(int(IPv6Address("::ffff:0.0.0.0")) + number)

    assert not any(is_public(outer) for outer in (teredo, six_to_four, nat64, mapped, IPv6Address(number)))


@given(st.ip_addresses(v=4, network="127.0.0.0/8"), st.sampled_from(["{:d}", "{:#x}", "{:#X}", "0{:o}"]))
def test_no_number_passes_for_a_name(address, shape):
    refusal(make_guard(), f"https://{shape.format(int(address))}/")


#: With lone surrogates, which JSON can carry.
ANY_TEXT = st.text(st.characters())


@given(ANY_TEXT | ANY_TEXT.map("https://{}".format) | ANY_TEXT.map("https://a.example{}".format))
def test_no_text_makes_the_guard_stumble(url):
    try:
        destination = make_guard().destination(url)
    except ForbiddenAddress:
        return
    assert destination.host.isascii()
    assert destination.target.isascii()
    assert destination.target.isprintable()
    assert " " not in destination.target


@given(st.lists(st.ip_addresses(), min_size=1, max_size=4))
def test_a_name_passes_only_when_all_its_addresses_are_public(found):
    guard = make_guard(*map(str, found))
    try:
        guard.check("https://receiver.example/")
    except ForbiddenAddress:
        assert not all(map(is_public, found))
    else:
        assert all(map(is_public, found))


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_an_allowed_network_allows_its_addresses(address, length):
    network = IPv4Network((address, length), strict=False)

    make_guard(allowed_networks=[str(network)]).check_address(str(address))


def test_the_systems_resolver_knows_localhost():
    assert all(ip_address(found).is_loopback for found in look_up("localhost", 5))


def test_what_the_systems_resolver_raises_is_passed_on(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(socket.gaierror):
        look_up("receiver.example", 5)


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(10) and [])

    with pytest.raises(TimeoutError):
        look_up("receiver.example", 0.05)

    released.set()
