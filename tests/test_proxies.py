"""Whose word for a client's address counts."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.proxies import TrustedProxies

OURS = ("10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1")
STRANGER, OTHER = "198.51.100.7", "203.0.113.9"


def client(peer, *hops, trusted=OURS):
    return TrustedProxies(lambda *_: [], trusted).client(peer, hops)


def test_without_trusted_proxies_the_connection_counts():
    assert client("10.0.0.1", STRANGER, trusted=()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "hops", "expected"),
    [
        ("10.0.0.1", [STRANGER], STRANGER),
        ("127.0.0.1", [STRANGER, "10.1.2.3"], STRANGER),
        ("10.0.0.1", [OTHER, STRANGER], STRANGER),
        ("10.0.0.1", ["10.0.0.9", "10.0.0.8"], "10.0.0.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [STRANGER, "unknown"], "10.0.0.1"),
        ("10.0.0.1", [f" {STRANGER}:4711 "], STRANGER),
        ("10.0.0.1", ["[2001:db8:9::1]:443"], "2001:db8:9::1"),
        ("2001:db8:1::5", ["2001:db8:9::1"], "2001:db8:9::1"),
        ("::ffff:10.0.0.1", [STRANGER], STRANGER),
        ("10.0.0.1", [f"::ffff:{STRANGER}"], STRANGER),
        (STRANGER, [OTHER], STRANGER),
        ("", [STRANGER], ""),
    ],
)
def test_the_first_address_from_the_right_that_is_not_ours_is_the_client(peer, hops, expected):
    assert client(peer, *hops) == expected


ANYTHING = st.lists(st.one_of(st.ip_addresses().map(str), st.text(max_size=40)), max_size=6)


@given(peer=st.ip_addresses(v=4).map(str), hops=ANYTHING)
def test_a_stranger_is_believed_nothing(peer, hops):
    if not peer.startswith("10.") and peer != "127.0.0.1":
        assert client(peer, *hops) == peer


@given(made_up=ANYTHING, real=st.ip_addresses(v=4).filter(lambda address: not str(address).startswith("10.")))
def test_nothing_that_a_client_makes_up_hides_its_address(made_up, real):
    assert client("10.0.0.1", *made_up, str(real), trusted=("10.0.0.0/8",)) == str(real)


@given(hops=ANYTHING)
def test_the_answer_is_always_an_address(hops):
    assert ip_address(client("10.0.0.1", *hops))


def test_the_application_sees_the_client():
    seen = []
    proxies = TrustedProxies(lambda environ, _: seen.append(environ["REMOTE_ADDR"]) or [], OURS)
    proxies({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": f"{OTHER},{STRANGER}, 10.0.0.2"}, None)
    assert seen == [STRANGER]
