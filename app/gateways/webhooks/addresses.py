"""Which IP addresses are on the public internet, and how a name is turned into addresses in bounded time."""

import queue
import socket
import threading
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

#: Python 3.11's `is_global` says yes to several of these, so the registries of IANA are spelled out here.
_INTERNAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
#: All of IPv6 that is handed out to the public (RFC 4291 section 2.4). Outside are loopback, link-local and unique
#: local addresses, multicast, and every way to write an IPv4 address that begins with zeros or with 64:ff9b.
_GLOBAL_V6 = IPv6Network("2000::/3")
#: What is special inside: Teredo and other protocols, documentation, 6to4, documentation.
_INTERNAL_V6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, and hides no IPv4 address inside."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _INTERNAL_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _INTERNAL_V6)


def look_up(host: str, seconds: float) -> tuple[str, ...]:
    """Return all addresses of a name; raise OSError when it has none, and TimeoutError when that takes too long.

    The system's resolver knows no time limit, so it works in a thread that is left behind when it is late; the
    resolver's own limit, of about half a minute, ends that thread.
    """
    outcome: queue.SimpleQueue[tuple[str, ...] | OSError] = queue.SimpleQueue()
    threading.Thread(target=_ask, args=(host, outcome), name="webhook-look-up", daemon=True).start()
    try:
        found = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("The name was not resolved in time.") from None
    if isinstance(found, OSError):
        raise found
    return found


def _ask(host: str, outcome: "queue.SimpleQueue[tuple[str, ...] | OSError]") -> None:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        outcome.put(error)
    else:
        outcome.put(tuple(dict.fromkeys(str(address[0]) for *_, address in answers)))
