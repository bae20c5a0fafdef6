"""Finds the address of the person behind trusted reverse proxies; anybody else's word for it counts for nothing."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Set in the environ of a request that somebody says to pass on for somebody else, and who is no proxy of ours.
SPOKEN_FOR = "countersign.spoken_for"

#: What proxies say that in.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


class TrustedProxies:
    """WSGI middleware that puts the client's address into REMOTE_ADDR, where everything else looks for it.

    X-Forwarded-For is read only when the connection itself comes from a trusted proxy, and from the right: each proxy
    appends whom it heard from, so the first address from there that is no proxy of ours is the client. What stands left
    of it the client may have made up.
    """

    def __init__(self, app: "WSGIApplication", trusted: Sequence[str]) -> None:
        """Trust these addresses and networks; raise ValueError for anything else."""
        self._app = app
        self._trusted: list[Network] = [ip_network(item) for item in trusted]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Pass the request on as coming from the client."""
        peer = environ.get("REMOTE_ADDR", "")
        if any(name in environ for name in FORWARDED) and not self._is_ours(peer):
            environ[SPOKEN_FOR] = True
        environ["REMOTE_ADDR"] = self.client(peer, environ.get("HTTP_X_FORWARDED_FOR", "").split(","))
        return self._app(environ, start_response)

    def client(self, peer: str, hops: Sequence[str]) -> str:
        """Return who sent the request that came from `peer` with these hops, the client's first.

        A hop that is not an address ends the search: the last proxy that was heard of is all that is known.
        """
        found = _address(peer)
        if found is None:
            return peer
        for hop in reversed(hops):
            if not self._trusts(found):
                break
            further = _address(hop)
            if further is None:
                break
            found = further
        return str(found)

    def _is_ours(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def is_within(address: str, networks: Sequence[str]) -> bool:
    """Tell whether an address is in one of the networks; what is no address is in none."""
    found = _address(address)
    return found is not None and any(found in ip_network(network) for network in networks)


@lru_cache(maxsize=1024)  # The same few proxies and clients come again and again.
def _address(text: str) -> Address | None:
    """Read an address as proxies write it: bare, or with a port (`192.0.2.1:80`, `[2001:db8::1]:80`)."""
    text = text.strip()
    try:
        if text.count(":") == 1 or text.startswith("["):
            text = urlsplit(f"//{text}").hostname or ""
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
